"""English phrases around the turns of a dialogue."""

from turnmill.synth.phrases.stock import Phrases

ENGLISH = Phrases(
    # Tokens that espeak and people say as one short sound; "mhm" is left out because espeak spells it.
    backchannels=("yeah", "right", "okay", "uh-huh", "I see", "sure", "got it"),
    templates={
        "filler": ("um", "uh"),
        "attempt": ("But what", "So is it", "And how", "Wait, but", "Does that"),
        "side_talk": (
            "Can you close the door?",
            "I'm on the phone, give me a minute.",
            "Yes, it's on the table.",
            "Put it over there, please.",
            "I'll be right with you.",
            "Did you feed the cat?",
        ),
        "third_party": (
            "Has anybody seen my keys?",
            "Dinner is almost ready.",
            "The train leaves from the other platform.",
            "I told him we would be there by noon.",
            "Could you pass me the salt?",
            "They said it would rain all week.",
        ),
        "reprompt": (
            "Are you still there?",
            "Is there anything else I can help you with?",
            "Take your time, I'm here when you need me.",
            "Would you like me to go on?",
        ),
        "cancel": ("Stop.", "Okay, stop.", "Never mind.", "That's enough.", "Stop, please."),
        "cancel_reply": ("Okay.", "All right.", "Sure."),
        "clarify": ("Sorry, what was that last part?", "Wait, I didn't catch that last bit."),
        "clarify_reply": ("Sure.", "No problem.", ""),
        "repeat": ("[Sorry|Wait], can you say that again?", "Could you repeat that, please?"),
        "repeat_reply": ("Of course.", "Sure thing.", "All right."),
        "correct": ("No, I asked something else.", "Wait, I think you misheard me."),
        "correct_reply": ("Sorry, I misheard.", "My mistake."),
        "denial": ("No, that's not it.", "No, no, that's not what I asked."),
        "denial_reply": ("Sorry about that.", "Okay, sorry."),
        "topic": ("Actually, another question.", "Wait, something else."),
        "topic_reply": ("Sure.", ""),
        "affirm": ("Yes, exactly.", "Right, that's what I meant."),
        "affirm_reply": ("Great.", "Good."),
    },
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
    # A pause falls after these more often than after other words (docs/turn-taking.md).
    leads_to_pause=frozenset({"and", "but", "so", "like", "or", "because", "that", "if", "to", "the", "a"}),
    words_apart=True,
    words_per_s=2.7,  # middle of the 2.0 to 3.5 of talk (docs/turn-taking.md)
)
