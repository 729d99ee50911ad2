-- +goose Up
-- Attempts are counted by connector, since each has a budget of its own. Those counted before are nobody's.
ALTER TABLE answers ADD COLUMN connector TEXT NOT NULL DEFAULT '';
CREATE INDEX answers_by_connector ON answers (m, connector, attempts);

-- +goose Down
DROP INDEX answers_by_connector;
ALTER TABLE answers DROP COLUMN connector;
