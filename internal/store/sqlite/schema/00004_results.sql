-- +goose Up
-- What the finished rules of a migration came to is counted as the statuses are: by triggers. matched says that a prebuilt
-- rule takes the rule's place.
ALTER TABLE rules ADD COLUMN matched INTEGER NOT NULL DEFAULT 0;
ALTER TABLE migrations ADD COLUMN results_full INTEGER NOT NULL DEFAULT 0;
ALTER TABLE migrations ADD COLUMN results_partial INTEGER NOT NULL DEFAULT 0;
ALTER TABLE migrations ADD COLUMN results_untranslatable INTEGER NOT NULL DEFAULT 0;
ALTER TABLE migrations ADD COLUMN results_matched INTEGER NOT NULL DEFAULT 0;

-- A document that cannot be read stays as it is, and counts as without a match.
UPDATE rules SET matched = 1
WHERE status = 'finished' AND CASE WHEN json_valid(doc) THEN json_type(doc, '$.matched_rule') = 'object' ELSE 0 END;

UPDATE migrations SET results_full = c.f, results_partial = c.p, results_untranslatable = c.u, results_matched = c.k
FROM (SELECT m, sum(result = 'full') AS f, sum(result = 'partial') AS p, sum(result = 'untranslatable') AS u, sum(matched) AS k
      FROM rules WHERE status = 'finished' GROUP BY m) AS c
WHERE c.m = migrations.n;

-- +goose StatementBegin
CREATE TRIGGER rules_resulted AFTER UPDATE OF status, result, matched ON rules
WHEN (NEW.status = 'finished' OR OLD.status = 'finished')
    AND (NEW.status <> OLD.status OR NEW.result <> OLD.result OR NEW.matched <> OLD.matched) BEGIN
    UPDATE migrations SET
        results_full           = results_full           + (NEW.status = 'finished' AND NEW.result = 'full')           - (OLD.status = 'finished' AND OLD.result = 'full'),
        results_partial        = results_partial        + (NEW.status = 'finished' AND NEW.result = 'partial')        - (OLD.status = 'finished' AND OLD.result = 'partial'),
        results_untranslatable = results_untranslatable + (NEW.status = 'finished' AND NEW.result = 'untranslatable') - (OLD.status = 'finished' AND OLD.result = 'untranslatable'),
        results_matched        = results_matched        + (NEW.status = 'finished' AND NEW.matched)                   - (OLD.status = 'finished' AND OLD.matched)
    WHERE n = NEW.m;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER results_removed AFTER DELETE ON rules WHEN OLD.status = 'finished' BEGIN
    UPDATE migrations SET
        results_full           = results_full           - (OLD.result = 'full'),
        results_partial        = results_partial        - (OLD.result = 'partial'),
        results_untranslatable = results_untranslatable - (OLD.result = 'untranslatable'),
        results_matched        = results_matched        - OLD.matched
    WHERE n = OLD.m;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER results_removed;
DROP TRIGGER rules_resulted;
ALTER TABLE migrations DROP COLUMN results_matched;
ALTER TABLE migrations DROP COLUMN results_untranslatable;
ALTER TABLE migrations DROP COLUMN results_partial;
ALTER TABLE migrations DROP COLUMN results_full;
ALTER TABLE rules DROP COLUMN matched;
