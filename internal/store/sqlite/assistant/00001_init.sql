-- +goose Up
-- The assistant's file, beside that of the migrations: alerts, conversations, questions under way, settings.

CREATE TABLE indices (
    x    INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- What sorts, counts and filters stands in columns; the document is read for what is shown only.
CREATE TABLE alerts (
    n        INTEGER PRIMARY KEY,
    x        INTEGER NOT NULL REFERENCES indices (x),
    id       TEXT    NOT NULL,
    ts       INTEGER NOT NULL,           -- @timestamp, Unix milliseconds
    block    INTEGER NOT NULL DEFAULT 0, -- 1: a building block, which nothing reads
    severity TEXT    NOT NULL,
    status   TEXT    NOT NULL,
    risk     REAL,
    doc      TEXT    NOT NULL,
    UNIQUE (x, id)
);
-- Covers counting and sorting of a window.
CREATE INDEX alerts_by_time ON alerts (block, ts, status, severity, risk, id, x);

-- Every different value of every field, once; folded has ASCII letters in lower case.
CREATE TABLE terms (
    t      INTEGER PRIMARY KEY,
    field  TEXT NOT NULL,
    value  TEXT NOT NULL,
    folded TEXT NOT NULL,
    UNIQUE (field, value)
);
CREATE INDEX terms_by_folded ON terms (field, folded);

-- Which alerts hold a value; building blocks are left out.
CREATE TABLE alert_terms (
    t  INTEGER NOT NULL REFERENCES terms (t),
    ts INTEGER NOT NULL,
    n  INTEGER NOT NULL REFERENCES alerts (n),
    PRIMARY KEY (t, ts, n)
) WITHOUT ROWID;
CREATE INDEX alert_terms_by_alert ON alert_terms (n);

CREATE TABLE conversations (
    c          INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    owner      TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    connector  TEXT    NOT NULL,
    created_at INTEGER NOT NULL, -- Unix nanoseconds
    updated_at INTEGER NOT NULL,
    messages   INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX conversations_by_owner ON conversations (owner, updated_at DESC);

-- One row a question, so that an exchange that is written again adds nothing.
CREATE TABLE exchanges (
    c        INTEGER NOT NULL REFERENCES conversations (c) ON DELETE CASCADE,
    question TEXT    NOT NULL,
    PRIMARY KEY (c, question)
) WITHOUT ROWID;

CREATE TABLE messages (
    c       INTEGER NOT NULL REFERENCES conversations (c) ON DELETE CASCADE,
    place   INTEGER NOT NULL,
    role    TEXT    NOT NULL,
    content TEXT    NOT NULL,
    PRIMARY KEY (c, place)
) WITHOUT ROWID;

CREATE TABLE replacements (
    c     INTEGER NOT NULL REFERENCES conversations (c) ON DELETE CASCADE,
    token TEXT    NOT NULL,
    value TEXT    NOT NULL,
    PRIMARY KEY (c, token)
) WITHOUT ROWID;

CREATE TABLE questions (
    q         INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,
    opened_at INTEGER NOT NULL, -- Unix nanoseconds
    content   BLOB    NOT NULL
);
CREATE INDEX questions_by_time ON questions (opened_at);

CREATE TABLE steps (
    q       INTEGER NOT NULL REFERENCES questions (q) ON DELETE CASCADE,
    name    TEXT    NOT NULL,
    content BLOB    NOT NULL,
    PRIMARY KEY (q, name)
);

CREATE TABLE field_settings (
    field      TEXT    PRIMARY KEY,
    allowed    INTEGER NOT NULL,
    anonymized INTEGER NOT NULL,
    set_by     TEXT    NOT NULL,
    set_at     INTEGER NOT NULL -- Unix nanoseconds
) WITHOUT ROWID;

PRAGMA application_id = 1380073811;

-- +goose Down
DROP TABLE field_settings;
DROP TABLE steps;
DROP TABLE questions;
DROP TABLE replacements;
DROP TABLE messages;
DROP TABLE exchanges;
DROP TABLE conversations;
DROP TABLE alert_terms;
DROP TABLE terms;
DROP TABLE alerts;
DROP TABLE indices;
