"""Words that a subject line is better without, and words that are left where something is missing.

The lists are English. What a practice writes inside a letter is its own affair; these look at what a
locked phone shows.
"""

from __future__ import annotations

import re

_BEGINNINGS = (
    "addict agoraphobi alcoholi alzheimer anorexi antidepress antipsychotic anxi autis "
    "benzodiazepine bulimi compulsi dementia depress diabet dissociati epilep herpes insomni "
    "miscarr opioid overdos paranoi parkinson phobi psychedelic psychos psychotic schizo self-harm "
    "self-injur suicid traumati"
)
"""Of words for conditions: ``depress`` finds "depression" and "depressed"."""
_WHOLE = (
    "abuse adhd aids bipolar borderline burnout cancer grief hiv mania manic ocd panic postpartum "
    "ptsd snri snris ssri ssris trauma withdrawal"
)
"""Words for conditions that begin others too, which mean something else."""
_MEDICINES = (
    "alprazolam amitriptyline aripiprazole atomoxetine bupropion buprenorphine buspirone "
    "carbamazepine citalopram clonazepam clozapine desvenlafaxine diazepam disulfiram donepezil "
    "duloxetine escitalopram esketamine fluoxetine fluvoxamine gabapentin haloperidol hydroxyzine "
    "ketamine lamotrigine lisdexamfetamine lithium lorazepam lurasidone memantine methadone "
    "methylphenidate mirtazapine naltrexone nortriptyline olanzapine oxcarbazepine paliperidone "
    "paroxetine prazosin pregabalin propranolol psilocybin quetiapine risperidone semaglutide "
    "sertraline topiramate trazodone valproate venlafaxine vortioxetine zaleplon ziprasidone "
    "zolpidem zopiclone adderall ambien ativan effexor klonopin lexapro prozac ritalin seroquel "
    "valium wellbutrin xanax zoloft zyprexa"
)
_HEALTH = re.compile(
    rf"\b(?:(?:{'|'.join(_BEGINNINGS.split())})\w*|(?:{'|'.join(f'{_WHOLE} {_MEDICINES}'.split())})\b)",
    re.IGNORECASE,
)

_TELLING = re.compile(r"\b(?:psych|therap|clinic|counsel|mental|recovery|rehab)\w*", re.IGNORECASE)

_LOUD = re.compile(r"\b[A-Z]{4,}\b(?:\W+[A-Z]{2,}\b)+|^[^a-z]*[A-Z]{6}[^a-z]*$")
_IDIOMS = re.compile(
    r"!!+|\?!|!\s*$|\${2,}|100\s*%|\bact now\b|\bbuy now\b|\bclick (?:here|now)\b|\bdon.t miss\b|"
    r"\bfree!|\bfree (?:gift|money|trial)\b|\bguarantee|\blast chance\b|\blimited time\b|"
    r"\border now\b|\brisk[- ]free\b|\burgent\b|\bwinner\b|\byou.ve won\b|^\s*(?:re|fwd?)\s*:",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"(?:please )?(?:click|tap|press)(?: (?:on )?(?:here|this|now|below))?|"
    r"(?:read |learn |see |find out )?(?:more|here|this)|"
    r"(?:this )?(?:link|page|article|website|site)|continue|details|download|go|info|visit",
    re.IGNORECASE,
)
_LEFT_OVER = re.compile(
    r"\{\{|\}\}|\{%|%\}|@@\w+@@|\*\|\w+\|\*|%%\w+%%|\blorem ipsum\b|\bdolor sit amet\b",
    re.IGNORECASE,
)
_UNSURE = re.compile(
    r"\b(?:X{3,}|TK(?: ?TK)*|TBD|TBC|T[O]DO|FIX[M]E)\b|\[(?:insert|your)\b[^\]]*\]"
)
_UNCITED = re.compile(r"\[\^[\w-]+\]|\[@[\w:.-]+\]")


def health_word(text: str) -> str:
    """Return the first word that names a condition or a medicine, as it stands in the text."""
    found = _HEALTH.search(text)
    return found[0] if found else ""


def telling_name(name: str) -> str:
    """Return the part of a sender's name that says what kind of mail this is, or nothing."""
    found = _HEALTH.search(name) or _TELLING.search(name)
    return found[0] if found else ""


def loud_word(text: str) -> str:
    """Return what shouts or sounds like advertising: capitals, marks in a row, worn phrases."""
    found = _IDIOMS.search(text) or _LOUD.search(text)
    return found[0].strip() if found else ""


def is_vague(text: str) -> bool:
    """Whether a link's words, read alone, do not say where it leads (WCAG 2.2, 2.4.4)."""
    return _VAGUE.fullmatch(" ".join(text.split()).strip(" .…:!>»→")) is not None


def left_over(text: str) -> str:
    """Return what a template or a person left to be filled in, or nothing."""
    found = _LEFT_OVER.search(text)
    return found[0] if found else ""


def unsure(text: str) -> str:
    """Return a word that usually stands where something is missing, and can be meant."""
    found = _UNSURE.search(text)
    return found[0] if found else ""


def uncited(text: str) -> str:
    """Return a mention of a note or source that came to nothing."""
    found = _UNCITED.search(text)
    return found[0] if found else ""
