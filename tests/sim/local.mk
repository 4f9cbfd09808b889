# tests/sim: one stanza a program
