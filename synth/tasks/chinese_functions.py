"""What is said about functions in Chinese."""

from collections.abc import Mapping
from typing import Final

from turnmill.synth.tasks.wording import Used

_LOOK: Final = (
    "[我|让我|我来|我帮你][查一下|看一下|看看|找一下]。",
    "[稍等|等一下|请稍等|等我一下]，[我查查|我看看|马上就好]。",
    "[好的|好|没问题|行]，[我查一下|我看看|稍等|马上查]。",
)
_DO: Final = (
    "[好的|好|没问题|行]，[马上|这就办|稍等一下|我来弄]。",
    "[稍等|等一下|请稍等]，[我来处理|马上就好|我这就去办]。",
    "[我这就办|马上办|这就来]。",
)
_COUNT: Final = (
    "[我|让我|我来|我帮你][算一下|算算|算一算]。",
    "[稍等|等一下|请稍等]，[我算一下|我算算]。",
)


def clock(hour: int, minute: int) -> str:
    """ "早上7点半"."""
    parts = ((6, "凌晨"), (9, "早上"), (12, "上午"), (13, "中午"), (18, "下午"), (24, "晚上"))
    part = next(name for until, name in parts if hour < until)
    said = (hour - 1) % 12 + 1
    minutes = {0: "", 30: "半", 15: "一刻"}.get(minute, f"{minute}分")
    return f"{part}{'两' if said == 2 else said}点{minutes}"


FUNCTIONS: Final[Mapping[str, Used]] = {
    "weather": Used(
        (
            "{city}{day}[天气怎么样|天气如何|是什么天气]？",
            "{day}{city}[会下雨吗|要不要带伞|会不会下雨]？",
            "[帮我查一下|给我说说|我想知道]{city}{day}的天气。",
        ),
        _LOOK,
        {
            "dry": ("{city}{day}[是晴天|天气晴朗]，{low}到{high}度。", "{day}{city}不下雨，最高{high}度。"),
            "perhaps": ("{city}{day}多云，降雨概率百分之{chance}，最高{high}度。",),
            "rain": (
                "{city}{day}[会下雨|很可能下雨]，降雨概率百分之{chance}，记得带伞。",
                "{day}{city}有雨，{low}到{high}度。",
            ),
            "snow": ("{city}{day}可能下雪，{low}到{high}度，多穿点。",),
        },
    ),
    "timer": Used(
        (
            "[帮我|给我]定个{minutes}分钟的计时器，{label}。",
            "{label}要{minutes}分钟，[帮我计时|到时间叫我|帮我定个计时器]。",
            "[开始计时|定时]{minutes}分钟，我要{label}。",
        ),
        _DO,
        {
            "done": (
                "{minutes}分钟的计时器[开始了|定好了]，{label}到点我叫你。",
                "[开始计时了|计时开始]，{minutes}分钟后提醒你。",
            )
        },
    ),
    "alarm": Used(
        (
            "[帮我|给我]定个{day}{time}的闹钟。",
            "{day}{time}[叫我起床|叫醒我|提醒我起来]。",
            "我{day}{time}要起来，[定个闹钟|帮我设个闹钟]。",
        ),
        _DO,
        {"done": ("{day}{time}的闹钟[定好了|设好了]。", "[好了|设好了]，{day}{time}我叫你。")},
    ),
    "calculate": Used(
        ("{sum}[等于多少|是多少|得多少]？", "[帮我算一下|你算算|算一下]{sum}。"),
        _COUNT,
        {"done": ("{sum}等于{result}。", "[结果是|得]{result}。", "[答案是|等于]{result}。")},
    ),
    "percentage": Used(
        (
            "{of}的百分之{percent}是多少？",
            "[帮我算一下|算算]{of}的百分之{percent}。",
            "总共{of}块，百分之{percent}是多少钱？",
        ),
        _COUNT,
        {"done": ("{of}的百分之{percent}是{result}。", "[结果是|是]{result}。")},
    ),
    "units": Used(
        ("{value}{unit}[等于多少|是多少|有多少]{into}？", "[帮我把|把]{value}{unit}换算成{into}。"),
        _COUNT,
        {"done": ("{value}{unit}大约是{result}{into}。", "[大概|大约]{result}{into}。")},
    ),
    "temperature": Used(
        (
            "{value}华氏度[等于多少|是多少]摄氏度？",
            "[帮我把|把]{value}华氏度换成摄氏度。",
            "菜谱上写{value}华氏度，[那是多少摄氏度|换成摄氏度是多少]？",
        ),
        _COUNT,
        {"done": ("{value}华氏度大约是{result}摄氏度。", "[大概|大约]{result}摄氏度。")},
    ),
    "currency": Used(
        ("{amount}{name}[能换多少|是多少|换成多少]{into}？", "[帮我算一下|查一下]{amount}{name}是多少{into}。"),
        _LOOK,
        {"done": ("{amount}{name}现在大约是{result}{into}。", "按今天的汇率，大约{result}{into}。")},
    ),
    "event": Used(
        (
            "[帮我在日历上加一项|帮我记一下]，{day}{time}{title}。",
            "{day}{time}我要{title}，[记到日历里|帮我加个日程]。",
            "[加个日程|添加日程]，{day}{time}{title}。",
        ),
        _DO,
        {
            "done": ("[加好了|记好了]，{day}{time}{title}。", "{day}{time}{title}，已经在日历里了。"),
            "overlap": ("{day}{time}{title}加好了，不过那个时间你还要{other}。",),
        },
    ),
    "calendar": Used(
        ("我{day}[有什么安排|都有什么事|有安排吗]？", "[看看|查一下|帮我看看]我{day}的日程。"),
        _LOOK,
        {
            "none": ("你{day}没有安排。", "{day}的日程是空的，[可以休息|你有空]。"),
            "one": ("你{day}只有一件事，{at_one}{one}。", "{day}{at_one}要{one}，[别的没有了|就这一件]。"),
            "two": ("你{day}有两件事，{at_one}{one}，{at_two}{two}。",),
        },
    ),
    "music": Used(
        (
            "[在{room}|到{room}]放点{music}。",
            "能不能在{room}放{music}？",
            "可以在{room}放点{music}吗？",
            "我想在{room}听{music}。",
        ),
        _DO,
        {"done": ("{room}开始放{music}了。", "{room}正在放{music}。", "{music}[来了|放上了]，在{room}。")},
    ),
    "device": Used(
        (
            "[帮我|请|麻烦你]{do}，我在{room}。",
            "我在{room}，[帮我|麻烦你|请]{do}。",
            "{room}[这边|里]，{do}。",
        ),
        _DO,
        {"done": ("[好了|办好了|弄好了]，{room}{did}。",)},
    ),
    "route": Used(
        ("{mode}去{place}[要多久|有多远|要多长时间]？", "我想{mode}去{place}，[大概要多长时间|远不远]？"),
        _LOOK,
        {"done": ("{mode}去{place}大约{minutes}分钟，{km}公里。", "到{place}有{km}公里，{mode}{minutes}分钟左右。")},
    ),
    "message": Used(
        (
            "[给{name}发条消息|发消息给{name}]，说{text}。",
            "[告诉|跟]{name}说一声，{text}。",
            "[帮我|麻烦]转告{name}，{text}。",
        ),
        _DO,
        {"done": ("[消息发给{name}了|已经告诉{name}了]。", "[发好了|发过去了]，{name}会收到的。")},
    ),
    "list": Used(
        (
            "[把|帮我把]{one}和{two}[加到|写到|记到]购物清单[里|上]。",
            "[家里没有|要买|我得买]{one}和{two}了，[记到清单上|加进购物清单]。",
        ),
        _DO,
        {"done": ("{one}和{two}[加好了|记好了]，清单上现在有{count}样东西。", "[加上了|记下了]，一共{count}样。")},
    ),
    "package": Used(
        ("我买的{item}[到哪儿了|什么时候到|到了吗]？", "[查一下|帮我看看]我买的{item}[到了没有|到哪里了]。"),
        _LOOK,
        {
            "on_its_way": ("{item}[在路上|已经发货]了，预计{day}到。", "还在路上，{day}应该能到。"),
            "delivered": ("{item}今天{time}已经送到了。", "[已经到了|已经签收了]，今天{time}送到的。"),
        },
    ),
    "train": Used(
        (
            "{after}以后从{from}到{to}[最近的火车是几点|有火车吗|有哪趟火车]？",
            "[帮我查|查一下]{after}以后{from}到{to}的火车。",
        ),
        _LOOK,
        {
            "done": (
                "有一趟{leaves}发车，{platform}站台，{arrives}到{to}。",
                "最近的一趟{leaves}开，在{platform}站台，{arrives}到。",
            )
        },
    ),
    "restaurant": Used(
        (
            "附近[哪儿有|哪里能吃]{food}？",
            "[我想吃|我饿了，想吃]{food}，[附近有吗|这附近有店吗]？",
            "[帮我找|找]一家附近吃{food}的店。",
        ),
        _LOOK,
        {
            "done": (
                "最近的是{name}，走路{minutes}分钟，营业到{time}。",
                "[可以去|有家]{name}，走路{minutes}分钟，开到{time}。",
            )
        },
    ),
}
