-- +goose Up
-- Counts the changes of an account's webhooks that have to do with who gets which events. A process remembers
-- subscriptions, and an event is published only if the version is still the one that they were looked up with: so
-- publishing costs no lookup, and yet every change counts for the next event. No row is version 0.
-- It is not a column of accounts, since those who change the catalogue hold the account's row.
CREATE TABLE subscription_versions (
    account_id text COLLATE "C" PRIMARY KEY REFERENCES accounts,
    version    bigint NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION count_subscription_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO subscription_versions AS v (account_id, version) VALUES (coalesce(NEW.account_id, OLD.account_id), 1)
    ON CONFLICT (account_id) DO UPDATE SET version = v.version + 1;
    RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER count_subscription_change AFTER INSERT OR DELETE OR UPDATE OF name, events, filter, enabled, deleted_at
    ON webhooks FOR EACH ROW EXECUTE FUNCTION count_subscription_change();

-- +goose Down
DROP TRIGGER count_subscription_change ON webhooks;
DROP FUNCTION count_subscription_change;
DROP TABLE subscription_versions;
