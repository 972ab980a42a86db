"""What is said about the tasks in English."""

from turnmill.synth.tasks.english_functions import FUNCTIONS, clock
from turnmill.synth.tasks.english_words import WORDS
from turnmill.synth.tasks.wording import Said, Wording

ENGLISH = Wording(
    felt={
        "sadness": Said(
            (
                "[I'm really sad|I feel awful|I'm so down today|I could cry]. {Reason}.",
                "{Reason}, and [I'm heartbroken|it really hurts|I just feel terrible].",
                "[It's been|Today was] a [hard|sad|rough] day. {Reason}.",
            ),
            (
                "[Oh, I'm so sorry.|I'm really sorry to hear that.|Oh no, I'm sorry.] [That must hurt.|That sounds "
                "really "
                "hard.|Anybody would be sad about that.] [Is there anything I can do for you?|What can I do for "
                "you?|Shall we turn to something else?]",
            ),
        ),
        "joy": Said(
            (
                "[I'm so happy|I'm thrilled|I'm over the moon|I can't stop smiling]! {Reason}!",
                "[Guess what|You won't believe it|I have great news]! {Reason}!",
                "{Reason}, and I'm [so happy|really excited|in such a good mood]!",
            ),
            (
                "[Oh, that's wonderful!|That's fantastic news!|How lovely!] [I'm so glad for you."
                "|You must be so pleased.] [What can I do for you?|What would you like to "
                "know?]",
            ),
        ),
        "anger": Said(
            (
                "[I'm so angry right now|I'm furious|I've really had it]. {Reason}.",
                "[This is ridiculous|I can't believe this|This is so annoying]. {Reason}!",
                "{Reason}, and it makes me so [mad|angry]!",
            ),
            (
                "[I can hear how upset you are.|That would annoy anyone.|You have every right to be angry.] [Let's "
                "take it "
                "one step at a time.|Take a breath, we'll go slowly.|I'm listening.] [What can I do for you?|How can I "
                "help?]",
            ),
        ),
        "fear": Said(
            (
                "[I'm really scared|I'm so nervous|I feel so anxious]. {Reason}.",
                "{Reason}, and [I'm terrified|my hands are shaking|I'm so worried].",
            ),
            (
                "[It's all right to feel that way.|Take a slow breath.|That sounds scary.] [You're not alone.|I'm "
                "right "
                "here with you.|We'll stay calm together.] [Is there anything I can do for you?|What can I do for "
                "you?|Shall we turn to something else?]",
            ),
        ),
        "surprise": Said(
            (
                "[Wow|Whoa|Oh my goodness], I [did not see that coming|can't believe it]! {Reason}!",
                "[You'll never guess what just happened|Something unbelievable just happened]! {Reason}!",
            ),
            (
                "[Wow, really?|No way!|Oh, what a surprise!] [Who would have thought!|That's quite something!]"
                " [And "
                "what can I do for you?|So, what would you like to ask?]",
            ),
        ),
    },
    reasons={
        "sadness": (
            "I failed my driving test [again|for the third time]",
            "my best friend is moving [away|to another country|to the other side of the country]",
            "we had to say goodbye to our old [dog|cat] [yesterday|this week|last night]",
            "I didn't get the job [I wanted|I was hoping for|that I prepared so hard for]",
            "[our team|my team] lost the [final|last game]",
            "nobody remembered my birthday",
            "I [broke|lost] the [vase|watch|necklace] that my grandmother gave me",
            "my [sister|brother] and I aren't talking [to each other|anymore]",
            "the trip we [saved up for|were looking forward to] got cancelled",
            "my [son|daughter] moved out [today|yesterday], and the house is so quiet",
        ),
        "joy": (
            "I [passed|aced] my [final exam|driving test|math exam]",
            "I got the [job|promotion|scholarship]",
            "my [sister|best friend|cousin] is getting married",
            "we're having a baby",
            "I finished my first [marathon|novel|painting]",
            "my [daughter|niece] [said her first word|took her first steps] [today|this morning]",
            "my [son|nephew] [said his first word|took his first steps] [today|this morning]",
            "we found [our cat again|a flat at last|the perfect house]",
            "I'm going to [Italy|the seaside|Japan] [next week|tomorrow|this summer]",
            "our team won the [cup|league|final]",
        ),
        "anger": (
            "they cancelled my [flight|train] [without a word|at the last minute|for the second time]",
            "my [neighbor|roommate|landlord] [woke me up again|won't stop drilling|took my parking space]",
            "somebody [scratched my car|took my bike|ate my lunch]",
            "I've been on hold for [an hour|forty minutes|two hours]",
            "the [package|new phone|laptop] arrived broken [again|and they won't take it back]",
            "they charged me twice for the same [order|ticket|meal]",
            "my boss gave [the credit for my work|my project] to somebody else",
        ),
        "fear": (
            "I have [an operation|an important exam|a job interview] [tomorrow|in the morning|on Monday]",
            "there's a [big storm|terrible thunderstorm] outside and I'm home alone",
            "I have to [fly|give a speech|sing in front of everyone] [tomorrow|tonight|for the first time]",
            "I start my new job [tomorrow|on Monday]",
            "my [exam|test] results come out [tomorrow|today|in an hour]",
            "I have to drive on the highway [tomorrow|alone|for the first time]",
        ),
        "surprise": (
            "my [brother|old friend|aunt] just [showed up at my door|called after ten years]",
            "I just [won a trip|found forty dollars in an old coat|won first prize]",
            "they threw me a [surprise party|party at work]",
            "there's a [deer|peacock|hedgehog] in [my garden|our driveway]",
            "it's snowing in [May|April]",
        ),
    },
    styles={
        "slow": Said(
            (
                "[Could|Can] you [please |]speak [a bit |a little |]more slowly?",
                "[I'm a bit hard of hearing|I get lost when people talk fast], [can|could] you speak slowly?",
                "[Speak|Talk] [a little |]slower for me, please.",
                "I'm still learning [English|the language], so [please |]talk [slowly|slower].",
                "[Could|Would] you take it [slower|more slowly] from now on?",
            ),
            ("[Sure|Of course|No problem|Okay], [I'll speak slowly|I'll take my time].",),
            first=(
                "[Could|Can] you [please |]speak [slowly|very slowly][ for me|], please?",
                "[I'm a bit hard of hearing|I get lost when people talk fast], [can|could] you speak slowly?",
                "I'm still learning [English|the language], so [please |]talk slowly.",
            ),
        ),
        "fast": Said(
            (
                "[Could|Can] you [please |]speak [a bit |a little |]faster?",
                "[I'm in a hurry|I don't have much time|I only have a minute], so [please |]talk [faster|quickly].",
                "[Speak|Talk] [a little |]faster[ for me|], please.",
                "[I'm used to fast talkers|I listen fast], [can|could] you speed [it |]up?",
                "[Could|Would] you pick up the pace[ from now on|]?",
            ),
            ("[Sure|Of course|No problem|Okay], [I'll talk fast|I'll be quick].",),
            first=(
                "[Could|Can] you [please |]talk [fast|quickly][ today|]?",
                "[I'm in a hurry|I don't have much time|I only have a minute], so [please |]talk [fast|quickly].",
                "[I'm used to fast talkers|I listen fast], so [please |]speak [fast|quickly].",
            ),
        ),
        "soft": Said(
            (
                "[Could|Can] you [please |]speak [more quietly|softly|in a softer voice]?",
                "[The baby is asleep|My roommate is sleeping|I'm in the library], so [please |]keep your voice down.",
                "[Lower your voice|Speak softly|Be a bit quieter], please.",
                "[I have a headache|It's late], can you talk [very softly|quietly]?",
            ),
            ("[Sure|Of course|Okay], I'll [keep it down|speak softly|be quiet about it].",),
            first=(
                "[Could|Can] you [please |]speak [quietly|softly|in a soft voice]?",
                "[The baby is asleep|My roommate is sleeping|I'm in the library], so [please |]speak [softly|quietly].",
                "[I have a headache|It's late], can you talk [very softly|quietly]?",
            ),
        ),
        "loud": Said(
            (
                "[Could|Can] you [please |]speak [up|louder|a bit louder]?",
                "[It's noisy here|I'm on the train|The music is on], so [please |]speak louder.",
                "[Speak up|Talk louder], please, I'm [a bit |]hard of hearing.",
            ),
            ("[Sure|Of course|Okay], [I'll speak up|I'll be loud]. [Can you hear me now?|]",),
            first=(
                "[Could|Can] you [please |]speak [loudly|in a loud voice]?",
                "[It's noisy here|I'm on the train|The music is on], so [please |]speak [loudly|up].",
            ),
        ),
        "joy": Said(
            (
                "[Could|Can] you [please |]sound [happy|cheerful|excited]?",
                "[I need some cheering up|It's a gray day], [so |]talk to me in a [happy|cheerful] voice.",
                "[Talk|Answer|Speak] as if you [were|are] [really happy|in a great mood], please.",
            ),
            (
                "[With pleasure|Sure|Oh, I'd love to], [here comes my happiest voice|let's have some fun|I'm all "
                "smiles]!",
            ),
        ),
        "sadness": Said(
            (
                "[Could|Can] you [please |]sound sad[ for a while| for a moment|]?",
                "[Talk|Answer|Speak] in a [sad|mournful] voice, [please|I want to hear it].",
                "Pretend [to be|you're] [sad|heartbroken] when you answer.",
            ),
            ("[All right|Okay|Sure], [I'll sound sad|this is my saddest voice].",),
        ),
        "anger": Said(
            (
                "[Could|Can] you [please |]sound [angry|furious|grumpy] [for fun|for a moment|when you answer]?",
                "[Talk|Answer|Speak] in an angry voice, [please|just for fun].",
                "Pretend you're angry [with me|today] when you answer.",
            ),
            ("[Fine|All right|Okay], [now I'm angry|I'll be grumpy]!",),
        ),
        "surprise": Said(
            (
                "[Could|Can] you [please |]sound [surprised|amazed|astonished]?",
                "[Talk|Answer|Speak] as if [everything surprised you|you couldn't believe it], please.",
            ),
            ("[Oh|Wow], [really|like this]? [Sure|Okay], I'll sound amazed!",),
        ),
    },
    names={},
    back=Said(
        (
            "[Thanks|Okay, thanks], [you can talk normally again|back to your normal voice, please].",
            "[Okay|All right], [please |]go back to [the way you talked before|your usual voice].",
            "[That's enough of that|That was nice], [just |]talk normally[ again|].",
        ),
        ("[Sure|Okay|Of course], [back to normal|this is my usual voice again].",),
    ),
    also=(
        "[Oh, one|And one|One] [more|other] thing.",
        "[Oh, before I forget|While I think of it], [one more thing|something else].",
    ),
    more=("[Anything else?|Is there anything else?|What else can I do for you?|Can I help with anything else?]",),
    functions=FUNCTIONS,
    words=WORDS,
    clock=clock,
)
