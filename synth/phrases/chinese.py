"""Chinese phrases around the turns of a dialogue."""

from turnmill.synth.phrases.stock import Phrases

CHINESE = Phrases(
    backchannels=("嗯", "对", "是的", "好的", "哦", "明白", "嗯嗯"),
    templates={
        "filler": ("嗯", "那个"),
        "attempt": ("那是不是", "可是如果", "等等，那", "所以我"),
        "side_talk": ("你帮我把门关一下。", "我在打电话，等我一会儿。", "放在桌子上就行。", "我马上就来。"),
        "third_party": ("谁看见我的钥匙了？", "饭马上就好了。", "他说明天会下雨。", "我们中午就到。"),
        "reprompt": ("你还在吗？", "还有什么可以帮你的吗？", "不着急，慢慢想。"),
        "cancel": ("停。", "算了。", "好了，不用了。", "别说了。", "停一下。"),
        "cancel_reply": ("好的。", "好。"),
        "clarify": ("不好意思，最后一句你说什么？", "等等，刚才那句我没听清。"),
        "clarify_reply": ("好的。", ""),
        "repeat": ("[等一下|不好意思]，再说一遍好吗？",),
        "repeat_reply": ("没问题。", "我再说一遍。"),
        "correct": ("不对，我问的不是这个。", "等等，你好像听错了。"),
        "correct_reply": ("抱歉，我听错了。", "对不起，我重新回答。"),
        "denial": ("不是，不是这个。", "不对，不是这样。"),
        "denial_reply": ("抱歉。", "不好意思。"),
        "topic": ("对了，我想问个别的。", "等等，换个问题。"),
        "topic_reply": ("好的。", ""),
        "affirm": ("对，就是这个。", "没错，就是这样。"),
        "affirm_reply": ("好的。", "那就好。"),
    },
    corrects=("不对", "不是", "等等", "我是说", "我说的是"),
    clarifies=("什么意思", "你是说", "你的意思是"),
    # Not "了" or "和" alone: inside "了解" or "和平" they end no word.
    leads_to_pause=frozenset(
        {"但是", "因为", "所以", "就是", "如果", "然后", "或者", "还有", "比如", "关于", "我想", "我觉得"}
    ),
    words_apart=False,
    words_per_s=4.5,  # characters; 4 to 5 syllables a second are usual in Mandarin
)
