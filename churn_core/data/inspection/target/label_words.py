"""Words for leaving and staying, in names and labels of a target column.

English, German, Spanish, Portuguese, French, Italian, Dutch and Turkish. Words are compared without case and
accents; ``ae``, ``oe`` and ``ue`` equal ``ä``, ``ö`` and ``ü``.
"""

from __future__ import annotations

import unicodedata
from typing import Final, Literal

from churn_core.data.inspection.names import name_words

Meaning = Literal["left", "stayed"]
Answer = Literal["yes", "no"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_YES: Final = {"yes", "y", "true", "t", "1", "positive", "ja", "j", "oui", "si", "s", "sim", "evet"}
_NO: Final = {"no", "n", "false", "f", "0", "-1", "negative", "nein", "non", "nao", "nee", "hayir"}
_LEFT: Final = _words(
    """
    churn churned churner churners churns churning exit exited exiting attrition attrited attriter
    cancel canceled cancelled cancels cancellation cancelation left leave leaver leavers leaves leaving
    lapsed lapse lost loss gone quit defected defector defection departed departure terminated
    termination terminate closed closure unsubscribed unsubscribe unsubscription deactivated inactive
    inactivated dormant expired discontinued disconnected disconnect dropped dropout turnover resigned
    resignation withdrawn switched nonrenewal nonrenewed stopped ended gekundigt kundigung kundigt
    kundiger kundigte abgewandert abwanderung abwanderer abgang ausgetreten austritt verloren storniert
    storno stornierung inaktiv beendet gewechselt verlassen abandono abandona abandonado baja cancelado
    cancelada cancelo cancelacion fuga fugado perdido perdida inactivo inactiva salio desertor desercion
    abandonou cancelou cancelamento saiu evasao evadido evadiu desistiu desistencia inativo inativa
    desligado desligou abbandono abbandonato abbandona perso disdetto disdetta recesso cessato cessata
    cessazione uscito cancellato annullato inattivo inattiva parti partie depart resilie resiliee
    resiliation desabonne desabonnee desabonnement quitte perdu perdue annule annulee inactif vertrokken
    opgezegd opzegging weggegaan verloop gestopt beeindigd geannuleerd inactief vertrek ayrildi ayrilan
    ayrilma terk terketti kayip kaybedildi iptal gitti pasif kapandi kapali yenilemedi kalmadi
    """
)
_STAYED: Final = _words(
    """
    retained retain retains retention renewed renew renews renewal active actives stayed stay stays
    stayer staying subscribed loyal loyalty kept keep remained remain remains remaining survived
    survival current existing alive open opened continued continues continuing enrolled engaged
    geblieben bleibt bleibend blieb verlangert verlangerung aktiv treu bestandskunde bestandskunden
    behalten bestehend gehalten retenido retenida retencion renovado renovada renovo renueva renovacion
    activo activa permanece permanecio fiel leal vigente continua sigue suscrito suscrita quedo retido
    retida retencao renovou renovacao ativo ativa ficou permaneceu manteve rimasto rimasta rinnovato
    rinnovata rinnovo attivo attiva fedele mantenuto trattenuto abbonato fidele reste restee renouvele
    renouvelee renouvellement actif abonne abonnee conserve maintenu retenu gebleven blijft verlengd
    verlenging actief trouw behouden geabonneerd loyaal kaldi kalan yeniledi yenilendi yenileme aktif
    sadik devam abone mevcut
    """
)
_CUSTOMER: Final = _words(
    """
    customer customers client clients member members subscriber subscribers user policyholder kunde
    kunden kundin mitglied abonnent cliente clientes socio abonado suscriptor assinante membro utente
    abbonato adherent klant lid musteri uye
    """
)
_STILL: Final = _words(
    """
    is are was has still a an the flag ind indicator yn bin ist noch es sigue siendo aun e ancora est
    toujours encore ainda hala nog steeds
    """
)
_NOT: Final = _words(
    """
    not no non un isnt hasnt didnt nicht kein keine nao pas sans niet geen degil
    """
)
_BEFORE: Final = ("still", "is", "has", "was", "did", "will", "non", "not")
_AFTER: Final = ("flag", "label", "status", "ind", "yn", "target", "member", "customer", "client")


def fold(text: str) -> str:
    """Return text without case and accents: ``Verlängert`` and ``verlaengert`` become ``verlangert``."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("\u0131", "i"))
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    for long, short in (("ae", "a"), ("oe", "o")):
        bare = bare.replace(long, short)
    # "ue" occurs in words of other languages too ("renueva", "quedo"), where both forms are listed.
    return bare


def answer_of(label: str) -> Answer | None:
    """Return whether a label is a yes or a no."""
    bare = fold(label).strip().strip(".")
    return "yes" if bare in _YES else "no" if bare in _NO else None


def meaning_of(text: str) -> Meaning | None:
    """Return what a name or a label says when it is true: left, stayed, or nothing clear.

    A word of negation reverses the next word: ``not_renewed`` means left. A name with words for both, such as
    ``active_or_churned``, says nothing clear.
    """
    words = [
        word
        for whole in name_words(unicodedata.normalize("NFC", text))
        for word in _split(_spelling(fold(whole)))
    ]
    found: set[Meaning] = set()
    negated = False
    for word in words:
        if word in _NOT:
            negated = not negated
            continue
        meaning: Meaning | None = "left" if word in _LEFT else "stayed" if word in _STAYED else None
        if meaning is not None:
            found.add(_opposite(meaning) if negated else meaning)
            negated = False
    if not found and words and set(words) <= _CUSTOMER | _STILL | _NOT and set(words) & _CUSTOMER:
        return "left" if negated else "stayed"
    return found.pop() if len(found) == 1 else None


def label_meaning(label: str, name: str) -> Meaning | None:
    """Return what a label means in a column of this name, or None if that is not clear."""
    answer = answer_of(label)
    if answer is None:
        return meaning_of(label)
    means = meaning_of(name)
    return means if means is None or answer == "yes" else _opposite(means)


def _opposite(meaning: Meaning) -> Meaning:
    return "stayed" if meaning == "left" else "left"


def _spelling(word: str) -> str:
    plain = word.replace("ue", "u")
    return plain if plain in _LEFT | _STAYED and word not in _LEFT | _STAYED else word


def _split(word: str) -> list[str]:
    """Split a word that is written together, such as ``isactive`` or ``churnflag``."""
    known = _LEFT | _STAYED | _CUSTOMER
    if word in known or word in _STILL or word in _NOT:
        return [word]
    for before in ("", *_BEFORE):
        for after in ("", *_AFTER):
            middle = word.removeprefix(before).removesuffix(after)
            if len(before) + len(middle) + len(after) == len(word) and middle in known:
                return [part for part in (before, middle, after) if part]
    return [word]
