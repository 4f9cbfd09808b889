# tests/unit: one stanza a program
