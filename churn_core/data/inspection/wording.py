"""What findings say: what it is, why it matters, and the mend. No text holds a customer's value."""

from __future__ import annotations

from typing import Final

MESSAGES: Final = {
    "name_corrected": "is what you mean, though the table writes it otherwise (blanks around it, or case);"
    " the configuration has the table's way",
    "missing_label": "is the target but lacks labels, and nothing can be learnt from such rows; label or"
    " remove them before training",
    "not_finite": "holds infinite numbers; replace them before training, by gaps if they are unknown",
    "positive_guessed": "has labels that do not say who left; the rarer is taken for that: name it with"
    " --positive if it is the other",
    "id_collides": "would be the id, but scored files have a column of that name; rename it",
    "many_values": "has so many different values that the rare ones are one level to the model (max_levels);"
    " a coarser column, such as a region for a city, may serve better",
    "group_offered": "repeats and looks like a key that several customers share; if rows with one value are"
    " alike, a split between them flatters the model: set data.group to it",
    "repeated_customer": "repeats, so that one customer has several rows; they are held out together"
    " (data.group), else the model would be tested on customers that it knows",
    "order_predicts": "has an order of rows that predicts the target, as if it were put together from parts;"
    " check that leavers and stayers come from the same time and source",
    "id_predicts": "predicts the target though an id should mean nothing; check that leavers and stayers come"
    " from the same time and source",
    "replicated_rows": "holds rows that repeat earlier ones in every feature, more than chance explains;"
    " remove them, or name what they share with data.group: else the model is tested on what it learnt",
    "nearly_replicated": "is all that tells many rows from earlier ones, more than chance explains; if they"
    " are the same customers, keep one row of each, or name what they share with data.group",
    "alike_names": "differs from another column by case alone, and scoring Parquet refuses that; rename one",
}

LEAKS: Final = {
    "target_copy": "tells nearly every leaver alone, as only the target under another name can; it is left"
    " out",
    "gives_target_away": "alone tells leavers apart better than an honest column can; leave it out unless it"
    " is known before a customer leaves",
    "missing_gives_target_away": "tells leavers by whether it has a value, as if it were filled in when a"
    " customer leaves; leave it out unless it is known before",
    "value_gives_target_away": "has a value with which nearly everybody left, as if it were set when a"
    " customer leaves; leave it out unless it is known before",
}
