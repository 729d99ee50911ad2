-- +goose Up
-- Documents are JSON in the column doc; the columns beside it are the authority for what they hold, so that a claim or a
-- release need not rewrite a document.
CREATE TABLE migrations (
    n                 INTEGER PRIMARY KEY,
    id                TEXT    NOT NULL UNIQUE,
    state             TEXT    NOT NULL,
    epoch             INTEGER NOT NULL DEFAULT 0, -- the newest start seen; fences every older one
    state_epoch       INTEGER NOT NULL DEFAULT 0, -- the start that wrote state
    deleted           INTEGER NOT NULL DEFAULT 0,
    created_at        INTEGER NOT NULL,           -- Unix nanoseconds
    updated_at        INTEGER NOT NULL,
    resources_version INTEGER NOT NULL DEFAULT 0,
    pending           INTEGER NOT NULL DEFAULT 0, -- kept by triggers on rules
    processing        INTEGER NOT NULL DEFAULT 0,
    finished          INTEGER NOT NULL DEFAULT 0,
    failed            INTEGER NOT NULL DEFAULT 0,
    doc               TEXT    NOT NULL
);

CREATE TABLE rules (
    m       INTEGER NOT NULL REFERENCES migrations (n),
    id      TEXT    NOT NULL,
    status  TEXT    NOT NULL CHECK (status IN ('pending', 'processing', 'finished', 'error')),
    result  TEXT    NOT NULL DEFAULT '',
    epoch   INTEGER NOT NULL DEFAULT 0,
    claim   INTEGER NOT NULL DEFAULT 0,
    version INTEGER NOT NULL DEFAULT 1, -- counts writes of doc
    doc     TEXT    NOT NULL,           -- without original_rule, which never changes
    PRIMARY KEY (m, id)
);
CREATE INDEX rules_by_status ON rules (m, status, id);
CREATE INDEX rules_by_result ON rules (m, result, id) WHERE result <> '';
CREATE INDEX rules_by_token ON rules (m, epoch, claim, id) WHERE status = 'processing';

CREATE TABLE originals (
    m   INTEGER NOT NULL REFERENCES migrations (n),
    id  TEXT    NOT NULL,
    doc TEXT    NOT NULL,
    PRIMARY KEY (m, id)
);

-- One row a claim, so that a claim that is tried again claims nothing more.
CREATE TABLE claims (
    m     INTEGER NOT NULL REFERENCES migrations (n),
    epoch INTEGER NOT NULL,
    claim INTEGER NOT NULL,
    PRIMARY KEY (m, epoch, claim)
) WITHOUT ROWID;

CREATE TABLE resources (
    m    INTEGER NOT NULL REFERENCES migrations (n),
    type TEXT    NOT NULL,
    name TEXT    NOT NULL,
    doc  TEXT    NOT NULL,
    PRIMARY KEY (m, type, name)
);

CREATE TABLE answers (
    m        INTEGER NOT NULL REFERENCES migrations (n),
    key      TEXT    NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    doc      TEXT,
    PRIMARY KEY (m, key)
);

CREATE TABLE probe (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    at  INTEGER NOT NULL
);

-- +goose StatementBegin
CREATE TRIGGER rules_added AFTER INSERT ON rules BEGIN
    UPDATE migrations SET
        pending    = pending    + (NEW.status = 'pending'),
        processing = processing + (NEW.status = 'processing'),
        finished   = finished   + (NEW.status = 'finished'),
        failed     = failed     + (NEW.status = 'error')
    WHERE n = NEW.m;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER rules_moved AFTER UPDATE OF status ON rules WHEN NEW.status <> OLD.status BEGIN
    UPDATE migrations SET
        pending    = pending    + (NEW.status = 'pending')    - (OLD.status = 'pending'),
        processing = processing + (NEW.status = 'processing') - (OLD.status = 'processing'),
        finished   = finished   + (NEW.status = 'finished')   - (OLD.status = 'finished'),
        failed     = failed     + (NEW.status = 'error')      - (OLD.status = 'error')
    WHERE n = NEW.m;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER rules_removed AFTER DELETE ON rules BEGIN
    UPDATE migrations SET
        pending    = pending    - (OLD.status = 'pending'),
        processing = processing - (OLD.status = 'processing'),
        finished   = finished   - (OLD.status = 'finished'),
        failed     = failed     - (OLD.status = 'error')
    WHERE n = OLD.m;
END;
-- +goose StatementEnd

PRAGMA application_id = 1380074567;

-- +goose Down
DROP TABLE probe;
DROP TABLE answers;
DROP TABLE resources;
DROP TABLE claims;
DROP TABLE originals;
DROP TABLE rules;
DROP TABLE migrations;
