"""What a user says into a turn of the assistant's, and what follows from it: one function for each kind."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from turnmill.manifests import records
from turnmill.manifests.records import Intent, TextDialogue, TextTurn
from turnmill.synth.intents import ENDS, SAYS_AGAIN, certainly_said, says_again
from turnmill.synth.phrases import PhraseKind
from turnmill.synth.script.asking import (
    asked_again,
    asks,
    asks_back,
    awaits,
    declines,
    follows_up,
    greets,
    is_courtesy,
    is_personal,
    is_told,
    likeness,
    orders,
    regrets,
    stands_alone,
    without_opening,
)
from turnmill.synth.script.clauses import begins, clauses, ends, sentence_ends
from turnmill.synth.script.context import content, relied_on, roots
from turnmill.synth.script.moment import Interruption, Moment
from turnmill.synth.script.partners import NEAR, is_told_apart, partners_of
from turnmill.synth.script.parts import Part
from turnmill.synth.script.room import HEARD_S, LEFT_S, least_heard
from turnmill.synth.text import spoken_form
from turnmill.synth.tokens import joined, prefix, spans, tokens

CANCEL_ANSWERED: Final = 0.5
"""Share of cancels that the assistant acknowledges in a word or two; Turnmill's choice."""
# How a turn begins whose opening is the answer: "Yes, if you hurry." That of "No problem, ..." is a courtesy.
_ANSWERS = re.compile(
    r"(?:yes|yeah|no(?! (?:problem|worries)\b)|certainly|absolutely|definitely)\b|"
    r"(?!不好意思|不客气|没问题|没关系|没事|对不起|对了)[是对不没有]|可以|能|当然|知道",
    re.IGNORECASE,
)
_AS_GOOD_AS_NONE = 3  # tokens of a sentence that nobody says again: "Yes, sir."
_ORDERED, _SERVED = 3, 7  # turns before which an order was, of which nobody leaves the subject, or has enough
_MORE = 2  # turns of another dialogue after its question and answer
_GIST = 0.4  # of a turn, from which on somebody can go on from it
_ENOUGH = 0.6  # of a turn, from which on somebody may have what they need
_TELLING = 2  # words that the question has not, after which an answer tells something, or is known to be another's
# Seconds, by the usual rate of speech. By when somebody who waited for the end of a clause has begun and been heard
# beside the assistant, and what that takes at least. The least length of a clause that is said again, and of what a
# language model's interruption is about; the longest sentence that is said again whole. How soon one notices that one
# was misheard.
_SOON_S = 1.5
_BESIDE_S = 1.0
_AGAIN_S = 1.8
_WRITTEN_S = 2.5
_NOTICED_S = 3.0
_TIRING_S = 8.0  # the least length of an answer that somebody has enough of, after so much of it:
_HEARD_OF_IT_S = 5.0
_TIRED_OF_S = 3.0  # what is left of it then
_LONGEST_AGAIN_S = 10.0


def interruption(moment: Moment, intent: Intent) -> Interruption | None:
    """An interruption of that kind, and what follows from it; None where it would not make sense, or its turn has no
    room for it. Where a language model wrote one for the turn, there is no other."""
    written = moment.part.turn.interruption
    if written is not None:
        return _written(moment, written) if intent == written.intent else None
    text, language = moment.part.text, moment.language
    if (moment.phrases is None and intent != "follow_up") or greets(text, language) or is_courtesy(text, language):
        return None
    return next(_KINDS[intent](moment), None)


def _written(moment: Moment, written: records.Interruption) -> Interruption | None:
    intent, text = written.intent, moment.part.text
    said = _user(spoken_form(written.text, moment.language))
    added = (said,) if written.answer is None else (said, _assistant(spoken_form(written.answer, moment.language)))
    is_over = intent in ENDS
    floor = certainly_said(text)
    until = min(floor + moment.count(_WRITTEN_S), len(tokens(text))) if intent in SAYS_AGAIN else None
    dropped = len(added) if intent in SAYS_AGAIN or intent == "cancel" else 0
    return _placed(
        moment, Interruption(intent, moment.part, added, () if is_over else moment.ahead, floor, until, dropped)
    )


def _follow_up(moment: Moment) -> Iterator[Interruption]:
    """The source's next turn."""
    ahead, text = moment.ahead, moment.part.text
    if moment.part.turn.added or (ahead and ahead[0].turn.added):
        return  # what a task adds is another matter
    if len(ahead) < 2 or not ahead[0].is_user or asks_back(text) or not follows_up(ahead[0].text, moment.language):
        return
    phrases, opening = moment.phrases, ahead[0].text.lower()
    if phrases and opening.startswith((*phrases.corrects, *phrases.clarifies)):
        return
    yield from _once_told(moment, Interruption("follow_up", moment.part, (), ahead, moment.share(_GIST)))


def _topic(moment: Moment) -> Iterator[Interruption]:
    """What another dialogue begins with; the talk then goes on as that one does."""
    if moment.part.borrowed or awaits(moment.part.text, moment.language) or not _is_told(moment):
        return  # who was asked answers, and who talks of what moves them stays with it
    if any(part.turn.style for part in (*moment.before, moment.part)) or _is_served(moment, _ORDERED):
        return
    for question, answer, *rest in _partners(moment):
        if orders(question.text, moment.language) or is_personal(question.text, moment.language):
            continue  # that is no question, or one of somebody who knows more of the other
        new = asked_again(question.text, moment.language)
        assert new is not None
        more = tuple(rest[:_MORE]) if len(rest) >= _MORE and not asks_back(rest[_MORE - 1].text) else ()
        if asks_back((answer, *more)[-1].text):
            continue  # it would end with a question
        added = (
            replace(question, text=joined([moment.say("topic"), new])),
            _capital(answer),
        )
        yield from _once_told(moment, Interruption("topic", moment.part, added, more, moment.share(_GIST)))


def _asked_something_else(intent: Intent, moment: Moment) -> Iterator[Interruption]:
    """The assistant begins the answer of another dialogue, the user asks again, and the right answer follows."""
    asked = moment.before[-1] if is_asked(moment) else None
    again = _again(asked, moment.part, moment.language) if asked else None
    if asked is None or again is None or asked.turn.added or any(part.misheard for part in moment.before):
        return  # nobody mishears all the time
    if len(moment.before) > 1 and (asks_back(moment.before[-2].text) or not stands_alone(again, moment.language)):
        return  # who answers a question as well would say the answer again, and what is pointed at is far by then
    if is_personal(asked.text, moment.language):
        return  # in a chat nothing sounds like what another said
    kind, reply = _PHRASES_AGAIN[intent]
    for answer in (*_told_before(moment), *_misheard(moment, again)):
        turn = replace(answer.turn, emotion=None, backchannels=None, interruption=None)
        target = replace(answer, turn=turn, misheard=True)
        added = (
            _user(joined([moment.say(kind), again])),
            _opened(moment.part, moment.say(reply), regrets(moment.part.text, moment.language)),
        )
        telling = max(_telling(answer.text, asked), moment.count(HEARD_S))
        until = telling + moment.count(_NOTICED_S)
        found = _placed(moment, Interruption(intent, target, added, moment.ahead, telling, until))
        if found:
            yield found


def _told_before(moment: Moment) -> list[Part]:
    """The answer to what the user asked before, which the assistant may be asked for as well as for this; not one that
    was interrupted, for who stopped it would hear it again."""
    if len(moment.before) < 3 or moment.before[-2].interrupted:
        return []
    asked, answer = moment.before[-3], moment.before[-2]
    language = moment.language
    fits = not answer.is_user and answer.written is not None and asks(asked.text, language)
    fits &= answer.turn.tool is None and not answer.borrowed and not declines(answer.text, language)
    fits &= not orders(asked.text, language) and not awaits(answer.text, language)
    return [replace(answer, written=None)] if fits else []


def _misheard(moment: Moment, again: str) -> list[Part]:
    """Answers of other dialogues to what sounds like the question, and that nobody takes for one to it; of what sounds
    most like it first."""
    found: list[tuple[float, Part]] = []
    for question, answer, *_ in _partners(moment):
        alike = likeness(again, without_opening(question.text, moment.language), moment.language)
        if alike and not asks_back(answer.text) and is_told_apart((question, answer), moment.before):
            found.append((alike, answer))
    return [answer for _, answer in sorted(found, key=lambda each: -each[0])]


def _again(asked: Part, answer: Part, language: str) -> str | None:
    """What is asked again of a turn: all that its answer is about."""
    again = asked_again(asked.text, language)
    left_out = content(asked.text) - content(again or "")
    return asked_again(asked.text, language, whole=True) if left_out & content(answer.text) else again


def _telling(answer: str, asked: Part) -> int:
    """How many tokens of an answer show that it answers something else."""
    known, count = content(asked.text), len(tokens(answer))
    return next((n for n in range(1, count) if len(content(prefix(answer, n)) - known) >= _TELLING), count)


_PHRASES_AGAIN: Final[Mapping[Intent, tuple[PhraseKind, PhraseKind]]] = {
    "correct": ("correct", "correct_reply"),
    "denial": ("denial", "denial_reply"),
}


def _correct(moment: Moment) -> Iterator[Interruption]:
    return _asked_something_else("correct", moment)


def _denial(moment: Moment) -> Iterator[Interruption]:
    return _asked_something_else("denial", moment)


def _clarify(moment: Moment) -> Iterator[Interruption]:
    return _said_again("clarify", moment.say("clarify"), moment.say("clarify_reply"), moment)


def _repeat(moment: Moment) -> Iterator[Interruption]:
    return _said_again("repeat", moment.say("repeat"), moment.say("repeat_reply"), moment)


def _said_again(intent: Intent, said: str, reply: str, moment: Moment) -> Iterator[Interruption]:
    """The assistant says the last whole clause heard again, and goes on from there."""
    text = moment.part.text
    if asks_back(text):
        return
    starts, whole = spans(text), ends(text)
    called = moment.part.turn.tool.after if moment.part.turn.tool else 0  # what is said before a call is not said again
    parts = clauses(text, moment.count(_AGAIN_S), moment.count(_LONGEST_AGAIN_S))
    for place in moment.rng.permutation(len(parts) - 1):
        first, last = parts[place]
        if first < called or last not in whole or not begins(text, first):
            continue
        first = next((n for n in ends(text) if first < n < last and n - first <= _AS_GOOD_AS_NONE), first)
        if len(content(prefix(text, last)) - content(prefix(text, first))) < _TELLING:
            continue  # there is nothing to be missed
        again = re.sub(r"^(?:and|but|so) ", "", text[starts[first][0] :], flags=re.IGNORECASE)
        again = again if _ANSWERS.match(again) else without_opening(again, moment.language)
        added = (_user(said), _opened(_assistant(again), reply))
        found = _at(moment, Interruption(intent, moment.part, added, moment.ahead, last, dropped=2))
        if found:
            yield found


def _affirm(moment: Moment) -> Iterator[Interruption]:
    """The user has what they need; the talk goes on where that needs nothing more of the turn."""
    text, ahead = moment.part.text, moment.ahead
    if awaits(text, moment.language) or declines(text, moment.language) or not _is_told(moment):
        return
    if not content(text) & content(moment.before[-1].text):
        return  # it may be an answer to something else
    if ahead and not (follows_up(ahead[0].text, moment.language) and asks(ahead[0].text, moment.language)):
        return  # who goes on talking of it did not have all
    added = (_user(moment.say("affirm")), _assistant(moment.say("affirm_reply")))
    yield from _once_told(moment, Interruption("affirm", moment.part, added, ahead, moment.share(_ENOUGH)))


def _cancel(moment: Moment) -> Iterator[Interruption]:
    """The user has enough of a long answer, and the dialogue ends."""
    text = moment.part.text
    if awaits(text, moment.language) or declines(text, moment.language) or not _is_told(moment):
        return
    if is_personal(moment.before[-1].text, moment.language) or _is_served(moment, _SERVED):
        return  # that would be rude, or throw away what is not done yet
    if moment.part.turn.tool or len(tokens(text)) < moment.count(_TIRING_S):
        return
    answered = moment.rng.random() < CANCEL_ANSWERED
    reply = moment.say("cancel_reply") if answered else ""
    added = (_user(moment.say("cancel")), *([_assistant(reply)] if reply else []))
    heard = max(moment.count(_HEARD_OF_IT_S), moment.share(_GIST))
    for found in _once_told(moment, Interruption("cancel", moment.part, added, (), heard, dropped=len(added))):
        if len(tokens(text)) - found.said >= moment.count(_TIRED_OF_S):
            yield found


_KINDS: Final[Mapping[Intent, Callable[[Moment], Iterator[Interruption]]]] = {
    "follow_up": _follow_up,
    "topic": _topic,
    "correct": _correct,
    "denial": _denial,
    "clarify": _clarify,
    "repeat": _repeat,
    "affirm": _affirm,
    "cancel": _cancel,
}


def is_asked(moment: Moment) -> bool:
    """Whether the assistant answers a question or a request."""
    return bool(moment.before) and moment.before[-1].is_user and asks(moment.before[-1].text, moment.language)


def _is_told(moment: Moment) -> bool:
    """Whether the assistant tells what the user wants to know: who waits for what they ordered stays with it."""
    return is_asked(moment) and not orders(moment.before[-1].text, moment.language)


def _is_served(moment: Moment, turns: int) -> bool:
    """Whether the talk of the last so many turns is about something that the user wants done."""
    return any(orders(part.text, moment.language) for part in moment.before[-turns:] if part.is_user)


def _partners(moment: Moment) -> Iterator[tuple[Part, ...]]:
    """Dialogues that a turn can be borrowed from; none of which a turn is there already, for that is alike itself."""
    near = _after(moment.dialogue, moment.others)[:NEAR]
    drawn = [near[place] for place in moment.rng.permutation(len(near))]
    return partners_of((*moment.before, moment.part, *moment.ahead), drawn)


def _after(dialogue: TextDialogue, others: Sequence[TextDialogue]) -> Sequence[TextDialogue]:
    """The others in a round that begins after the dialogue itself."""
    here = next((place for place, other in enumerate(others) if other.id == dialogue.id), -1)
    return [*others[here + 1 :], *others[: max(here, 0)]]


def _once_told(moment: Moment, found: Interruption) -> Iterator[Interruption]:
    """The interruption at the end of each sentence, then of each clause, in any order, by which so much is heard as it
    asks for, and what was asked for is among it."""
    text = found.target.text
    asked = moment.before[-1].text if moment.before else ""
    pointed = found.intent == "follow_up" and not stands_alone(found.ahead[0].text, moment.language)
    sentences = sentence_ends(text)
    whole = sentences if pointed else ends(text)
    if found.intent in ("topic", "affirm"):  # a clause of its own may be what was asked for
        whole = [end for end in whole if end in sentences or not begins(text, end)]
    for end in sorted(moment.rng.permutation(whole).tolist(), key=lambda end: end not in sentences):
        heard = prefix(text, end)
        if found.intent == "follow_up" and _is_answered(text[len(heard) :], heard, moment):
            continue
        tells = len(content(heard) - content(asked)) >= _TELLING and is_told(heard, text, asked, moment.language)
        placed = _at(moment, replace(found, said=end)) if end >= found.said and tells else None
        if placed:
            yield placed


def _is_answered(unsaid: str, heard: str, moment: Moment) -> bool:
    """Whether the user's next turn is about what would have been said."""
    said = roots(heard).union(*(roots(part.text) for part in moment.before))
    return bool((roots(unsaid) - said) & roots(moment.ahead[0].text))


def _at(moment: Moment, found: Interruption) -> Interruption | None:
    """The interruption right after what it asks to be heard; None where more has to be, or there is no room."""
    until = found.said + moment.count(_SOON_S)
    placed = _placed(moment, replace(found, until=until))
    return placed if placed and placed.said == found.said else None


def _placed(moment: Moment, found: Interruption) -> Interruption | None:
    """The interruption where the assistant's turn has room for it, with the least that has to be heard before, so that
    no later turn of the user's uses unsaid words; None where it has not, or the answer would say the turn again."""
    text, following = found.target.text, (*found.added, *found.ahead)
    answer = following[1].text if len(following) > 1 else ""
    if says_again(found.intent, text, answer):
        return None
    least = max(found.said, least_heard(moment.language))
    most = len(tokens(text)) - moment.count(LEFT_S)
    if found.until is not None:
        most = min(most, found.until - moment.count(_BESIDE_S))
    before = [part.text for part in moment.before]
    later = [(part.is_user, part.text) for part in following]

    def is_enough(said: int) -> bool:
        heard = prefix(text, said)
        return relied_on(text[len(heard) :], [*before, heard], later) is None

    said = least + bisect_left(range(least, most + 1), True, key=is_enough)
    return replace(found, said=said) if said <= most else None


def _capital(part: Part) -> Part:
    return replace(part, text=part.text[:1].upper() + part.text[1:])


def _opened(answer: Part, reply: str, opens: bool = False) -> Part:
    """An answer after `reply`, unless it has such an opening itself. A sentence begins with a capital."""
    answer = _capital(answer)
    if not reply or opens:
        return answer
    nods, later = answer.turn.backchannels, len(tokens(reply))
    turn = replace(answer.turn, backchannels=nods and tuple(n + later for n in nods))
    return replace(answer, turn=turn, text=joined([reply, answer.text]))


def _user(text: str) -> Part:
    return Part(TextTurn("user", text), text)


def _assistant(text: str) -> Part:
    return Part(TextTurn("assistant", text), text)
