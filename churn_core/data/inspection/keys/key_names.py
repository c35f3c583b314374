"""What a column's name says about keys: customers, shared keys, row numbers, codes and measures.

English, German, Spanish, Portuguese, French, Italian, Dutch and Turkish; abbreviated (``subscr_no``) and
written together (``accountid``, ``Vertragsnr``).
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from churn_core.data.inspection.names import name_words


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KEY: Final = _words(
    """
    id ids no nr num nbr number key uuid guid ref reference identifier ident pk sk hash token nummer
    kennung kennzeichen schluessel kennnummer numero nro identificador identificativo identifiant
    matricula matricola codigo sleutel kimlik numara numarasi kodu
    """
)
_KEY_OF_CUSTOMERS: Final = _words("code cod codice")
"""Words that name a key only next to a customer's: "customer code", but not "postal code"."""

_COUNT: Final = _words("no nr num nbr number nummer numero nro numara")
_CUSTOMER: Final = _words(
    """
    customer customers cust client clnt clt account acct acc user usr member mbr subscriber subscription
    subscr subs person consumer policy policyholder insured contract party msisdn imsi imei employee emp
    staff patient donor guest student borrower cardholder cc crm uid userid kunde kunden kd kdnr knr
    konto vertrag vertrags mitglied mitglieds teilnehmer abonnent abonnenten versicherte cliente
    clientes cuenta abonado socio contrato usuario suscriptor poliza conta assinante utente utenti
    compte abonne adherent contrat utilisateur conto contratto abbonato tessera assine klant klanten
    rekening lid leden gebruiker abonnee contractnr polis musteri abone hesap uye kullanici sozlesme cpf
    cnpj dni nif nie curp rfc ssn bsn siren siret tckn
    """
)
_SINGLE: Final = _words(
    """
    uid uuid guid id msisdn imsi imei cpf dni nif ssn bsn curp tckn kdnr knr userid
    """
)
"""Names that are those of a key without any other word."""

_SHARED: Final = _words(
    """
    household family company organisation organization employer tenant haushalt email mail phone address
    telefon telephone telefono telefone telefoon mobile handy
    """
)
_PRIVATE: Final = _words("email mail address")
_CODE: Final = _words("code zip zipcode postal postcode plz branch store region cluster type")
_FILLERS: Final = _words(
    """
    de del der des die das do da du di d la le il el the of n s en external internal ext int new old src
    source system sys main primary master unique hashed anon anonymised anonymized masked original local
    global
    """
)
_OWN_NUMBER: Final = _words(
    "row rownum rowid rownumber rowno index idx unnamed zeile fila linha ligne riga rij satir lfd laufende"
)
_ROW_NUMBER: Final = _OWN_NUMBER | _words(
    "id no nr num number nummer numero line record seq sequence lfd laufende level name names"
)
_MEASURE: Final = _words(
    """
    amount amt balance salary income price fee fees charge charges spend spent spending revenue sales
    cost costs count counts total sum avg average mean median min max minimum maximum days weeks months
    years hours minutes seconds duration time usage volume score rate ratio pct percent share age tenure
    value worth limit points credit debit calls visits logins sessions clicks views orders items
    products units seats checks changes tickets complaints messages sms mb gb kb bytes data traffic
    distance km miles weight height size area population mileage payment payments turnover arpu clv ltv
    mrr arr usd eur gbp bill bills billing loan debt savings equity betrag saldo gehalt einkommen preis
    kosten umsatz anzahl summe dauer alter laufzeit verbrauch menge wert punkte monto importe ingreso
    ingresos precio costo gasto cantidad edad antiguedad consumo valor puntos quantia renda preco custo
    quantidade idade pontos salario montant revenu prix cout nombre quantite duree consommation solde
    importo reddito prezzo quantita eta durata stipendio bedrag inkomen prijs aantal leeftijd duur
    verbruik omzet tutar bakiye gelir fiyat adet yas sure tuketim maas
    """
)


def fold_word(word: str) -> str:
    """Return a word without case and accents; ``ß`` is ``ss``."""
    letters = unicodedata.normalize("NFKD", word.casefold().replace("\u0131", "i"))
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def key_rank(name: str) -> int:
    """Rate from 0 (not at all) to 3 how much a name looks like that of a customer's key."""
    words = _parts(name)
    meant = [word for word in words if word not in _FILLERS]
    if not meant or _PRIVATE & set(meant) or _counts_things(words):
        return 0
    if len(meant) == 1 and meant[0] in _SHARED:
        return 1
    keys = _KEY | _KEY_OF_CUSTOMERS if _CUSTOMER & set(meant) else _KEY
    if not set(meant) <= keys | _CUSTOMER:
        # Of other things' keys the last word says so: "contract id", "phone number".
        return 2 if words[-1] in _KEY and not _MEASURE & set(meant) else 0
    if len(meant) == 1 and meant[0] in _SINGLE:
        return 3 if meant[0] in _CUSTOMER else 2
    if set(meant) & _CUSTOMER and set(meant) & keys:
        return 3
    return (
        1 if len(meant) == 1 and meant[0] in _CUSTOMER else 2 if meant[-1] in _KEY and len(meant) > 1 else 0
    )


def names_several_rows(name: str) -> bool:
    """Return whether a name is that of a key that several rows may share."""
    words = [word for word in _parts(name) if word not in _FILLERS]
    if key_rank(name) == 3 or (len(words) == 1 and words[0] in _SINGLE | _CUSTOMER | _SHARED):
        return True
    return bool(_SHARED & set(words)) and words[-1] in _KEY | _SHARED and not _counts_things(_parts(name))


def names_a_person(name: str) -> bool:
    """Return whether a key's name is that of a single customer, not of several together."""
    words = {word for word in _parts(name) if word not in _FILLERS}
    return bool(words & _CUSTOMER or words <= _SINGLE) and bool(words) and not words & _SHARED


def names_a_row_number(name: str) -> bool:
    """Return whether a name is that of a number of the rows, such as a saved index (``Unnamed: 0``)."""
    words = _parts(name)
    return bool(words) and words[0] in _OWN_NUMBER and all(w in _ROW_NUMBER or w.isdigit() for w in words)


def names_a_measure(name: str) -> bool:
    """Return whether a name is that of a quantity, such as ``account_balance`` or ``number_of_calls``."""
    words = _parts(name)
    return bool(_MEASURE & set(words)) or _counts_things(words)


def names_a_code(name: str) -> bool:
    """Return whether whole numbers in a column of this name are codes, not quantities."""
    words = _parts(name)
    if not words:
        return False
    if key_rank(name) == 3:
        return True
    # "call number" is a count, but "account number" is a key.
    ambiguous = words[-1] in _COUNT and not (_CUSTOMER | _SHARED) & set(words)
    return words[-1] in _KEY | _CODE and not ambiguous and not _counts_things(words)


def _counts_things(words: list[str]) -> bool:
    """Return whether words count things: "number of calls", "num customers contacted", "no products"."""
    if len(words) < 2 or words[0] not in _COUNT:
        return False
    meant = [word for word in words[1:] if word not in _FILLERS]
    plural = any(word.endswith("s") and word[:-1] in _CUSTOMER for word in meant)
    return words[1] == "of" or plural or not set(meant) <= _CUSTOMER | _KEY


def _parts(name: str) -> list[str]:
    """Split a name into words without case and accents, also where they are written together."""
    whole = [fold_word(word) for word in name_words(unicodedata.normalize("NFC", name))]
    return [part for word in whole for part in _segments(word)]


@lru_cache(maxsize=4_096)
def _segments(word: str) -> tuple[str, ...]:
    """Split ``accountid``, ``vertragsnr`` or ``idcliente``; other words stay whole."""
    known = _KEY | _CUSTOMER
    if word in known or word in _SINGLE:
        return (word,)
    found = _split(word, known)
    parts = set(found or ())
    return found if found is not None and parts & _CUSTOMER and parts & _KEY else (word,)


def _split(rest: str, known: frozenset[str]) -> tuple[str, ...] | None:
    if not rest:
        return ()
    for length in range(len(rest), 1, -1):
        if rest[:length] not in known:
            continue
        # German joins words with an s or an n: Vertrag-s-nummer, Abonnent-en-nummer.
        for joint in ("", "s", "n", "en"):
            if (
                rest[length:].startswith(joint)
                and (others := _split(rest[length + len(joint) :], known)) is not None
            ):
                return (rest[:length], *others)
    return None
