# tests/net: one stanza a program
