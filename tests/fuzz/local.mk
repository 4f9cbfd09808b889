# tests/fuzz: one stanza a program
