"""Read untrusted CSV files and files of JSON lines: streaming, in bounded memory, without guessing."""
