"""English phrases around the turns of a dialogue, and how its listeners nod. Phonemes that espeak or hibari get wrong
("mhm", "hmm") are in none."""

import re
from collections.abc import Mapping

from turnmill.synth.phrases.stock import Nodding, PhraseKind, Phrases

_HEY = "[Sorry|Wait|Hang on|Hold on|Wait, sorry|Oh, sorry]"
_BUT = "[No|Wait|Sorry|Hang on|No, wait]"
_NO = "[No|No, no|Wait, no|Sorry, no]"
_YES = "[Yes|Yeah|Ah, yes|Oh, yes|Yes, yes|Okay, yes|Yep]"
_NEW = "[Actually|Wait|Sorry|Hang on|Oh, wait|Okay, thanks]"
_AGAIN = (
    "[Sure|Of course|No problem|Okay][, let me say that again|, let me repeat that|, once more|].",
    "Let me [say|go over] that again.",
    "[Sorry, once|Once] more.",
    "",
)

_TEMPLATES: Mapping[PhraseKind, tuple[str, ...]] = {
    "filler": (
        *(20 * ("um", "uh")),
        *(2 * ("you know,", "like,")),
        *("well,", "I mean,", "let me think,", "let me see,", "let me see now,", "one second,"),
        *("what was it,", "what is it called,", "give me a second,", "wait,", "hold on,"),
    ),
    "attempt": (  # said within a second (synth.duplex.lengths), so without a pause; begun and given up
        "[Um|Uh|Oh|Wait|Sorry|Okay|Well|Hang on] [I|but|can I|could I|could you|I just|I was|maybe]",
        "[But|So|And] [I|um|uh|can I|could I|could you|I just|I was|maybe]",
        "[Um|Uh|Oh|Wait|Sorry|Well|Okay|Right|Actually|Hang on|Hold on]",
        "[I|I just|I was|Actually I|Can I|Could I|Could you|Just|One]",
    ),
    "side_talk": (
        "[Can|Could] you [close|open] the [door|window|curtains], please?",
        "[Can|Could] you turn [the music|the TV|the radio|that] down a bit?",
        "[I'm on the phone|I'm in the middle of something], [give me|I just need] [a minute|a second].",
        "Yes, it's [on the table|in the kitchen|in the car|in the hall|by the door|in my bag|on the shelf].",
        "[Put|Leave] [it|them] [over there|on the table|by the door|in the kitchen], please.",
        "I'll be [right there|with you in a minute|down in a second|there in five minutes].",
        "I'm coming, [just a second|one moment|hold on].",
        "Did you [feed the cat|walk the dog|lock the car|take out the trash|water the plants|turn off the oven]?",
        "Your [keys|glasses|gloves] are [by the door|on the counter|in the drawer|on the sofa].",
        "No, [the blue one|the big one|the other one|the one on the left|the small one].",
        "What do you want for [dinner|lunch|breakfast]?",
        "Do you want [some tea|a coffee|some water|a sandwich|some more soup]?",
        "[Not now|In a minute|Later], [sweetie|honey|buddy].",
        "[Anna|Ben|Sarah], [dinner's ready|it's for you|your phone is ringing|the bus is here|get your coat].",
        "[Anna|Ben|Sarah], can you [come here|help your sister|get the door|bring me a pen]?",
        "Please don't [touch that|jump on the bed|run in the hall|pull the cat's tail|eat that].",
        "Thanks, [just put it there|I'll have it later|that's very kind|I'm fine|I've got it].",
        "[Who's that|Is that somebody] at the door?",
        "I think the [kettle|oven|iron|heater] is still on.",
        "I think the [washing machine|dryer|dishwasher] is done.",
        "Where did you put [my charger|the scissors|the remote|the tape|my jacket|the umbrella]?",
        "We're out of [milk|bread|coffee|eggs|paper towels|dog food].",
        "It's [upstairs|down the hall|across the street|the second door on the left].",
        "Can I get [a coffee|a tea|a glass of water|the soup|the check], please?",
        "I'll pay [by card|in cash].",
        "Excuse me, is this [seat taken|the end of the line|your bag|the train to the airport]?",
        "Tell [him|her|them] I'll [call back|be late|be there soon|do it tomorrow].",
        "Ask [him|her|them] [what time it is|how many there are|which one it was|if it's urgent].",
        "[Get down|Come here|Drop it], [Rex|Luna|Milo].",
        "[Careful|Watch out], [the floor is wet|it's hot|there's a step|that's heavy|the paint is still wet].",
        "How was [school|work|practice|the dentist|your walk|the exam]?",
        "[Have a good day|See you tonight|Drive safely|Say hi to your mom], bye.",
        "I already [paid for it|sent it|signed that|told him|ate|booked it].",
        "No, the [meeting|appointment|lesson|delivery] is at [three|noon].",
        "Could you [hold this|wait outside|watch the baby|keep an eye on the soup] for a [second|minute]?",
        "The password is on [the fridge|the board|the back of the router].",
        "Just [sign for it|leave the box outside|ring the bell|take one].",
        "What time do you [need the car|finish today|have to leave|want to eat]?",
        "Turn [left|right] [here|at the lights|after the bridge], please.",
        "[Two tickets|One adult and two children|A return ticket], please.",
        "Can you let the [dog|cat] [out|in]?",
        "Bless you.",
        "Sit [up straight|down for a moment|next to your brother], please.",
        "You can [take the last one|use mine|start without me|park over there].",
        "That's [mine|hers|for your grandmother|not for the dog].",
    ),
    "third_party": (
        "Has anybody seen my [keys|glasses|phone|wallet|bag|scarf]?",
        "[Dinner|Lunch|Breakfast] is [almost ready|on the table|getting cold].",
        "The [train|bus|tram] [leaves from the other side|is ten minutes late|was so crowded this morning].",
        "I told [him|her|them] we would be there by [noon|six|eight].",
        "Could you pass me the [salt|butter|sugar|napkins|bread]?",
        "They said it would [rain|snow|be sunny] all [week|weekend|day].",
        "Who left the [lights on|window open|milk out|door unlocked]?",
        "I've got a [meeting|dentist appointment|class|flight] at [nine|two|half past four].",
        "The [printer|coffee machine|elevator|scanner] is [broken|not working] again.",
        "Did you see the [game|match|news|show] last night?",
        "[She|He] just came back from [Boston|Madrid|Rome|Canada].",
        "[She's|He's] flying to [Chicago|Paris|Lisbon] on [Monday|Friday].",
        "My [sister|brother|cousin|neighbor] [got a new dog|is moving house|works there|is learning to drive].",
        "How much was [the hotel|that jacket|the taxi|the bill|your new bike]?",
        "The next [stop|station] is [Main Street|City Hall|Park Avenue|the airport].",
        "[Attention, please|Ladies and gentlemen], the [museum|store|library] closes in [ten|fifteen] minutes.",
        "Two [coffees|teas|lemonades] and a [bottle of water|piece of cake|sandwich], please.",
        "We should [paint|clean out] the [garage|attic|shed] this [summer|weekend].",
        "Is there any [coffee|cake|pizza|milk] left?",
        "I can't find [a parking spot|my other shoe|the receipt|the instructions].",
        "[Mom|Dad], [can I go outside|where are my shoes|what's for dinner|can we watch a movie]?",
        "The [kids|children] are [asleep|in the garden|at school|doing their homework].",
        "Number [twelve|forty|seventeen], your order is ready.",
        "It took us [two|three|five] hours to get [home|there].",
        "That was the best [movie|concert|meal|party] in years.",
        "I'm going to the [store|pharmacy|market|bakery], do you need anything?",
        "The car needs new [tires|brakes|wipers].",
        "[Happy birthday|Congratulations|Welcome back], [Sarah|Tom]!",
        "What time does the [pool|library|pharmacy|restaurant] [open|close]?",
        "We [won|lost] by [one goal|two points|ten points].",
        "The [weather|traffic] was [terrible|fine] on the way [here|back].",
        "Somebody is at the door.",
        "I'll have the [soup|salad|fish|pasta], [please|thanks].",
        "My phone is [at two percent|out of battery|almost dead].",
        "Let's [meet|have lunch|go for a walk] on [Tuesday|Thursday|Saturday].",
        "There's a [package|letter|parcel] for [you|Anna|the neighbors].",
        "And now the weather for [tomorrow|the weekend].",
        "Coming up after the break, [the weather|sports|today's headlines].",
        "He [plays the guitar|sings|drives a taxi|bakes bread] in the [evenings|mornings].",
        "You should [try the cheesecake|see their new place|bring a coat|call your mother].",
    ),
    "reprompt": (
        "Is there anything else [I can help you with|you'd like to know|you need|I can do for you]?",
        "[Can|Could] I help you with anything else?",
        "[Would you like|Do you want] me to say that again?",
        "[Do you have|Are there] any [other|more] questions?",
        "Let me know if you need anything else.",
        "[Did that help|Does that answer your question|Was that clear|Does that make sense]?",
    ),
    "waiting": (
        "[Are you|Hello, are you|Sorry, are you] still [there|with me|on the line]?",
        "Take your time, there's no rush.",
        "Can you [still ]hear me?",
        "Whenever you're ready.",
    ),
    "cancel": (
        "[Okay, |All right, |Okay, okay, |]you can stop[ there| talking| now| right there|].",
        "[Okay, |All right, |Thanks, |Right, |]that's enough[, thank you| for now| for today|].",
        "[Okay, |No, |All right, |]please stop [there|now|talking|here].",
        "[Okay, |All right, |Right, ]stop[ there|, please|, thank you|, thanks|, that's enough].",
        "[Okay, |All right, |]let's [stop here|stop there|leave it there|leave it at that][, thanks|].",
        "[Okay, |All right, |Thanks, |]I've heard enough[, thank you| for now| for today|].",
        "[Okay, |All right, |Right, |]that's enough [about that|of that|on that][, thanks|].",
        "[Okay, |All right, |]no need to [go on|say more|say any more][, thanks|], that's enough.",
    ),
    "cancel_reply": (
        "[Okay|All right|Sure|Of course|No problem][, I'll stop|, I'll stop there|, I'll leave it there|].",
        "Got it.",
    ),
    "clarify": (
        f"{_HEY}, what was that[ last part| last bit| last thing|]?",
        f"{_HEY}, I didn't [catch|get|hear] [that|that last part|the last bit].",
        f"{_HEY}, what did you [just say|say just now|say there]?",
        f"{_HEY}, [you lost me there|I missed that|I missed the last part|that was too fast].",
        f"{_HEY}, the last [part|bit|thing] [was too fast|wasn't clear].",
        f"{_HEY}, what was the last [part|thing] you said?",
        "[Sorry|Wait|Wait, sorry], you said what?",
        "Slow down[ a bit| a little|], I [missed that|missed the last part|didn't catch that].",
    ),
    "clarify_reply": _AGAIN,
    "repeat": (
        f"[{_HEY}, ][can|could|would] you [repeat that|say that again][, please]?",
        f"[{_HEY}, ][can|could] you [repeat the last part|go over that again|say it once more][, please]?",
        f"[{_HEY}, ]say that [again|one more time|once more], please.",
        f"{_HEY}, [one more time|once more], please.",
        "Sorry, I [got distracted|wasn't listening], [say that again|one more time|once more], please.",
        "[Sorry, would|Would] you mind [saying that again|repeating that|going over that again]?",
        "I need to hear that [again|once more|one more time][, please|, sorry|].",
    ),
    "repeat_reply": _AGAIN,
    "correct": (  # about what was heard
        f"[{_BUT}, ]I think you [misheard me|heard me wrong|misheard that|got me wrong].",
        f"{_BUT}, you [misheard me|must have misheard|heard that wrong|heard something else].",
        f"{_BUT}, that's not what I [said|asked|was saying].",
        f"{_BUT}, I [didn't say that|said something else|asked something else].",
        f"{_BUT}, let me [say it again|say that again|ask again|repeat that|say that more clearly].",
        f"{_BUT}, did you [hear me right|hear what I said|catch what I said]?",
        f"{_BUT}, I don't think you [heard me right|caught that|caught what I said].",
    ),
    "correct_reply": (
        "[Sorry|I'm sorry|Oh, sorry|My apologies], I misheard[ you].",
        "[Sorry|I'm sorry|Oh, sorry], I [heard you wrong|heard something else|got that wrong].",
        "[Oh, my|My] mistake, I misheard.",
        "[Ah|Oh], now I [understand|get it|see].",
        "Thanks for [asking again|saying it again].",
    ),
    "denial": (  # about what is said
        f"{_NO}, [not that|none of that|that's not it|that's not what I want|that's not what I need].",
        f"{_NO}, I [don't want that|don't need that|don't mean that|wasn't after that].",
        f"{_NO}, that's not what I [asked for|was after|had in mind|was looking for].",
        f"{_NO}, that has nothing to do with [what I want|what I need|what I'm after].",
        f"{_NO}, [leave that|skip that|forget about that].",
        f"{_NO}, you're [off the point|on the wrong track|talking about something else].",
        "[Nope|Oh, no|Uh, no], [not that|that's not it|I don't need that|I don't want that].",
        "[That's|Oh, that's|Wait, that's] not [it|what I want|what I need|what I'm after].",
    ),
    "denial_reply": (
        "[Sorry|Oh, sorry|I'm sorry] about that.",
        "[Sorry|Oh, sorry|I'm sorry], let me [try again|start over].",
        "[Oh, my|My] mistake[, sorry].",
    ),
    "topic": (
        f"{_NEW}, [another question|a different question|one other thing|a new question|one more question].",
        f"{_NEW}, [let me ask you something else|I have another question|I want to ask something else].",
        "[Okay|All right|Right|Thanks], [but something else|but another question|now something else].",
        "[Before I forget|By the way], [another question|one more thing|a different question|one more question].",
        "[Oh, while|While] I [think of it|remember], [another question|one more thing|a different question].",
        "[Okay, now|Now] [something else entirely|another question|something different].",
        "[Actually, can|Can|Okay, can|Sorry, can] I ask you [something else|another question|one more thing]?",
        f"{_NEW}, [I just thought of something else|something else just came to mind].",
    ),
    "affirm": (
        f"{_YES}, [that's what I needed to know|that's just what I wanted|that's it, thanks].",
        f"{_YES}, [that makes sense|got it, thanks|that's what I wanted to know|that's all I needed].",
        "[Perfect|Great|Right|Good|Okay], [that's what I needed|that's what I was looking for].",
        "[Great|Perfect|Okay|Good|Nice|Thanks|Yes], that [helps|helps a lot|answers it|answers my question].",
        "[Oh|Ah|Okay|Right], [that's clear now|that's good to know|that's all I needed to know].",
        "[Okay|Great|Perfect|Right|Oh], [got it|I see|that's clear][, thanks|, thank you|, thanks a lot].",
    ),
    "affirm_reply": (
        "[Great|Good|Wonderful], I'm glad [that helps|I could help].",
        "[I'm glad|Glad] [that helps|I could help].",
        "You're welcome.",
    ),
}

_DONE = r"(?:'ve| have)?(?: just| finally| actually| recently| accidentally)*"
_OURS = rf"\b(?:my|our) (?:\w+ )?\w+{_DONE}"
_NODS = Nodding(
    # How often listeners of Switchboard say them (docs/turn-taking.md). Of its frequent ones "huh", "um", "huh-uh" and
    # "really" are left out, which sound like questions, hesitations and denials where nobody hears their melody.
    continuers={
        "uh-huh": 14588,
        "yeah": 13373,
        "right": 3620,
        "oh": 1275,
        "oh yeah": 658,
        "yes": 634,
        "okay": 610,
        "sure": 367,
        "oh okay": 138,
        "I see": 80,
    },
    neutral=frozenset({"uh-huh", "oh"}),
    agreeing=frozenset({"oh yeah", "yes", "sure"}),
    concluding=frozenset({"oh", "oh yeah", "yes", "okay", "sure", "oh okay", "I see"}),
    news=frozenset({"oh", "oh okay", "I see"}),
    delighted={"wow": 271, "oh wow": 103, "that's great": 96, "that's good": 91, "great": 57, "oh good": 27},
    dismayed={"oh no": 106, "oh gosh": 73, "oh my": 57, "oh dear": 36},
    question=re.compile(
        r"^(?:(?:and|but|so|or|well|okay|now|then|um|uh|hey|hi|hello|please),? )*(?:"
        r"(?:can|could|would|will|do|does|did|is|are|am|was|were|have|has|should|may|shall|might)(?:n't)? "
        r"(?:you|i|we|he|she|it|they|there|this|that|these|those|the|a|an|my|your|our|his|her|any\w*|some\w*)\b"
        r"|(?:what|how|where|when|who|whose|why|which)(?:'s|'re|'d| (?:is|are|was|were|do|does|did|can|could|should"
        r"|would|will|has|have|much|many|long|far|often|about|kind|sort|time|else|one)\b))",
        re.IGNORECASE,
    ),
    apology=re.compile(
        r"\b(?:sorry|apologi[sz]e|apologies|afraid|unfortunately|regret|forgive|pardon)\b", re.IGNORECASE
    ),
    refusal=re.compile(
        r"\b(?:can't|cannot|can not|couldn't|won't|unable|not able|don't have|do not have|not allowed|not possible"
        r"|impossible|refuse|decline|not comfortable|not supposed|not something|as an ai|as a language model)\b",
        re.IGNORECASE,
    ),
    own=re.compile(r"\b(?:i|my|me|we|our)\b", re.IGNORECASE),
    good_news=re.compile(
        rf"\b(?:i|we){_DONE} (?:got (?:the job|the offer|engaged|married|promoted|accepted|a raise|a promotion)"
        r"|passed (?:my|our|the|all)|won(?!')|graduated|bought (?:a|our|my) (?:new |first )?(?:house|home|apartment))\b"
        r"|\b(?:i'm|we're|i am|we are) (?:getting married|engaged|pregnant|expecting a)\b"
        rf"|{_OURS} (?:got (?:the job|engaged|married|promoted|accepted)|passed (?:his|her|their|the)"
        r"|won(?!')|graduated|was born|had (?:a|her|his|their) (?:first )?baby)\b",
        re.IGNORECASE,
    ),
    bad_news=re.compile(
        rf"\b(?:i|we){_DONE} (?:lost (?:my|our)|broke (?:my|our|up)|missed (?:my|our|the) (?:flight|train|bus)"
        r"|failed (?:my|our|the)|got (?:fired|laid off|mugged|robbed|hurt|divorced)|crashed"
        r"|(?:was|were) (?:fired|laid off|robbed|mugged|in an accident))\b"
        rf"|{_OURS} (?:died|passed away|broke down|burn(?:ed|t) down|crashed|ran away|is in (?:the )?hospital"
        r"|(?:was|got|were) (?:stolen|cancell?ed|diagnosed|hurt|fired|robbed))\b",
        re.IGNORECASE,
    ),
    hedged=re.compile(
        r"n't\b|\b(?:if|would|could|should|wants?|wanted|wish|hope|hoping|might|may|not|never|almost|nearly|until|unless"
        r"|before|whether|think|guess|maybe|dream\w*|imagine|suppose|worried|afraid|story|poem|movie|book|song|novel)\b",
        re.IGNORECASE,
    ),
    besides=frozenset(
        {"mm", "mm-hmm", "mmm", "mhm", "hmm", "hm", "huh", "uh", "um", "ah", "aha", "ok", "yep", "yup", "really", "no"}
    ),
)

ENGLISH = Phrases(
    templates=_TEMPLATES,
    nods=_NODS,
    corrects=(
        *("no, i ", "no, not", "no, that", "no, the", "no, make", "no, it's", "actually, ", "i meant", "i said "),
        *("make it ", "make that ", "sorry, i meant", "wait, i meant", "not that one"),
    ),
    clarifies=(
        "what do you mean",
        "what was that",
        "how do you mean",
        "you mean",
        "do you mean",
        "sorry, what",
    ),
    leads_to_pause=frozenset({"and", "but", "so", "like", "or", "because", "if", "to"}),
    begins=frozenset(
        """about after around at because before by during for from if in near on under until when where which
        while who with without""".split()  # noqa: SIM905
    ),
    binds=frozenset(
        """afraid am are ask asked asking bad based best better can capable care check come did do does enough
        famous from full go going good great interested is known late look looking made not of off out part
        please proud put ready related responsible search searching send sign sorry thank thanks the tired turn
        up used wait waiting was were what worried""".split()  # noqa: SIM905
    ),
    words_apart=True,
    words_per_s=2.7,  # middle of the 2.0 to 3.5 of talk (docs/turn-taking.md)
)
