"""Commands for operators: score prefixes, find scores, queue failed inputs again, publish models."""
