"""How Chinese is said."""

import subprocess
import sys
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from turnmill.synth.tags import TAG
from turnmill.synth.text import spoken_form

# fmt: off
PIECES = st.sampled_from([
    *"0123456789", "10", "1999", "3.50", "12:30", "1/2", "1,234", "GPT-4", "8AM", "No.", "1990s", "m²",
    "年", "月", "日", "元", "个", "点", "第", "到", "我", "a", "B", "あ", "한", "〇", "Ⅳ", "３", "٣", "½", "①", "²",  # noqa: RUF001
    "-", "~", "～", "%", "‰", "℃", "$", "¥", "=", "+", "×", "*", "/", "^", "°", "#", "…", "——", "·", "🎉",
    " ", "\n", "- ", "1. ", "1、", "（", ")", "“", "\"", "'", "\\", "{", "，", "。", ",",
    "24/7", "4.5/5分", "C++", "[笑]", "π", "[laughter]", "</strong>",
])
# fmt: on


@settings(deadline=None)
@example("\ua8b4")  # a vowel sign without a letter
@given(st.lists(PIECES, max_size=12).map("".join) | st.text())
def test_no_digit_is_left_and_saying_it_again_changes_nothing(text: str) -> None:
    said = spoken_form(text, "zh")
    assert not any(c.isnumeric() and unicodedata.category(c) != "Lo" for c in said)
    assert TAG.findall(said) == TAG.findall(text)
    assert spoken_form(said, "zh") == said
    assert " ".join(said.split()) == said
    assert not said or any(c.isalpha() for c in said)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("- 我有 3 个苹果 🍎", "我有三个苹果"),
        ("今天是2024年3月5日", "今天是二零二四年三月五日"),
        ("2023-05的数据，1990s的歌", "二零二三年五月的数据，一九九零年代的歌"),
        ("2019-2023年", "二零一九年到二零二三年"),
        ("下午3:30见，或者8:00am", "下午三点三十分见，或者上午八点"),
        ("¥35.5，也就是$4.99", "三十五点五元，也就是四点九九美元"),
        ("总共1,234,567元", "总共一百二十三万四千五百六十七元"),
        ("打折20%-30%，或10-20%", "打折百分之二十到百分之三十，或百分之十到百分之二十"),
        ("3‰的概率", "千分之三的概率"),
        ("气温是-5℃到38.5°C", "气温是负五摄氏度到三十八点五摄氏度"),
        ("5-10人，3~5天，第3–5章", "五到十人，三到五天，第三到五章"),
        ("以3-1获胜，比分3:1", "以三比一获胜，比分三比一"),
        ("60m²、100km/h、175cm-180cm", "六十平方米、每小时一百公里、一百七十五厘米到一百八十厘米"),
        ("22000克/立方米", "每立方米两万二千克"),
        ("3/4的人喝了2½杯", "四分之三的人喝了二又二分之一杯"),
        ("电话13812345678，010-12345678", "电话幺三八幺二三四五六七八，零幺零幺二三四五六七八"),
        ("打+86 138-1234-5678", "打加八六幺三八幺二三四五六七八"),
        ("还剩85-68=17只", "还剩八十五减六十八等于十七只"),
        ("300+200=500米", "三百加两百等于五百米"),
        ("我用GPT-4和iPhone 15", "我用GPT 四和iPhone 十五"),
        ("No.1的公司", "第一的公司"),
        ("三〇年代，第①名，１２３", "三零年代，第一名，一百二十三"),  # noqa: RUF001
        ("1. 牛奶\n2、鸡蛋\n（3）面包", "牛奶。鸡蛋。面包"),
        ("他说：“你好,世界!”……好的——再见", "他说：你好，世界！好的，再见"),
        ("《红楼梦》（上）和**重点**", "红楼梦，上，和重点"),
        ("I'm OK，走吧", "I'm OK，走吧"),
        ("24/7客服", "七天二十四小时客服"),
        ("评分4.5/5分，8/10分，4/5的人", "评分四点五分，满分五分，八分，满分十分，五分之四的人"),
        ("我学C++，a+b和C++", "我学C加加，a加b和C加加"),
        ("[笑]好，（叹气）算了", "好，算了"),
        ("π约等于3", "派约等于三"),
    ],
)  # fmt: skip
def test_chinese_is_said_in_full(written: str, said: str) -> None:
    assert spoken_form(written, "zh-CN") == said


def test_wetext_writes_nothing_and_asks_no_network() -> None:
    code = """
import sys
sys.dont_write_bytecode = True
def watch(event, arguments):
    write = event == "open" and isinstance(arguments[1], str) and set("wax+") & set(arguments[1])
    if write or event.startswith(("socket.", "subprocess.", "os.mkdir", "os.rename", "urllib.")):
        raise PermissionError(f"{event} {arguments}")
sys.addaudithook(watch)
from turnmill.synth.reading.chinese import spoken_form
sys.stdout.buffer.write(spoken_form("我有3个苹果").encode())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.stdout.decode() == "我有三个苹果", done.stderr.decode()
