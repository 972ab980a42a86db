"""What the calls of functions are about, in Chinese: (value in a call, as it is said)."""

from collections.abc import Mapping
from typing import Final

_CITIES = [
    "北京",
    "上海",
    "广州",
    "深圳",
    "成都",
    "杭州",
    "南京",
    "武汉",
    "西安",
    "重庆",
    "青岛",
    "昆明",
    "哈尔滨",
    "厦门",
]
_STATIONS = ["上海", "南京", "杭州", "苏州", "无锡", "宁波", "合肥", "常州", "扬州", "绍兴"]
_NAMES = [
    "小王",
    "小李",
    "小张",
    "小陈",
    "妈妈",
    "爸爸",
    "姐姐",
    "哥哥",
    "老刘",
    "表妹",
    "小赵",
    "王老师",
    "李阿姨",
    "室友",
]

WORDS: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "city": tuple((city, city) for city in _CITIES),
    "station": tuple((city, city) for city in _STATIONS),
    "name": tuple((name,) for name in _NAMES),
    "day": tuple((day, day) for day in ["明天", "后天", "周一", "周二", "周三", "周四", "周五", "周六", "周日"]),
    "timed": tuple((name, name) for name in ["煮面", "煮鸡蛋", "泡茶", "洗衣服", "睡午觉", "烤蛋糕", "煮饭", "锻炼",
    "敷面膜", "炖汤", "背单词"]),
    "operator": (("+", "加"), ("-", "减"), ("*", "乘以"), ("/", "除以")),
    "unit": (
        ("mile", "英里"), ("kilometer", "公里"), ("pound", "磅"), ("kilogram", "公斤"), ("inch", "英寸"),
        ("centimeter", "厘米"), ("foot", "英尺"), ("meter", "米"), ("liter", "升"), ("gallon", "加仑"),
    ),
    "currency": (
        ("USD", "美元"), ("EUR", "欧元"), ("GBP", "英镑"), ("CNY", "人民币"), ("JPY", "日元"), ("CAD", "加元"),
    ),
    "event": tuple(
        (name, name) for name in ["看牙医", "开组会", "剪头发", "上瑜伽课", "开家长会", "上钢琴课", "和小李吃饭",
        "面试", "踢足球", "做体检", "修车", "看电影"]
    ),
    "music": tuple((name, name) for name in ["爵士乐", "古典音乐", "摇滚乐", "民谣", "轻音乐", "钢琴曲", "儿歌",
    "流行歌", "京剧", "老歌"]),
    "room": tuple((name, name) for name in ["客厅", "厨房", "卧室", "书房", "卫生间", "餐厅", "儿童房", "阳台"]),
    "device": (
        ("lights", "on", "打开灯", "的灯开了"), ("lights", "off", "关灯", "的灯关了"), ("lights", "dimmed", "把灯调暗",
        "的灯调暗了"),
        ("curtains", "open", "拉开窗帘", "的窗帘拉开了"), ("curtains", "closed", "拉上窗帘", "的窗帘拉上了"),
        ("fan", "on", "打开风扇", "的风扇开了"), ("air conditioner", "off", "关空调", "的空调关了"),
        ("air conditioner", "26 C", "把空调调到26度", "的空调调到26度了"),
        ("air conditioner", "24 C", "把空调调到24度", "的空调调到24度了"), ("speaker", "muted", "把音箱静音",
        "的音箱静音了"),
    ),
    "place": tuple((name, name) for name in ["火车站", "机场", "图书馆", "人民医院", "游泳馆", "美术馆", "市政府",
    "菜市场", "动物园", "大学"]),
    "mode": (("driving", "开车"), ("walking", "走路"), ("cycling", "骑车")),
    "message": tuple(
        (f"{text}。", text)
        for text in ["我晚到十分钟", "我已经出门了", "会议改到九点了", "今晚我来不了", "饭做好了", "我晚点回电话",
        "钥匙放在门口了", "票买好了", "火车晚点了"]
    ),
    "grocery": tuple((name, name) for name in ["牛奶", "面包", "鸡蛋", "苹果", "咖啡", "大米", "酱油", "西红柿",
    "洋葱", "豆腐", "面条", "香蕉", "土豆"]),
    "parcel": tuple((name, name) for name in ["耳机", "书", "台灯", "羽绒服", "咖啡机", "手机壳", "书包", "生日礼物",
    "键盘", "鞋子"]),
    "food": tuple((name, name) for name in ["火锅", "饺子", "拉面", "烤鸭", "寿司", "川菜", "粤菜", "烧烤", "米线",
    "早餐", "面包"]),
    "restaurant": tuple((name,) for name in ["老街饭馆", "好味道", "江南小厨", "一品轩", "阳光餐厅", "胡同里",
    "聚福楼", "山里人家"]),
}  # fmt: skip
