-- +goose Up
-- Each write that changes rules takes the next number of its migration: what changed after a number is found without
-- reading documents. settled says that a person has edited, accepted or rejected the rule.
ALTER TABLE migrations ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rules ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE rules ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
CREATE INDEX rules_by_change ON rules (m, changed);

-- +goose Down
DROP INDEX rules_by_change;
ALTER TABLE rules DROP COLUMN settled;
ALTER TABLE rules DROP COLUMN changed;
ALTER TABLE migrations DROP COLUMN changes;
