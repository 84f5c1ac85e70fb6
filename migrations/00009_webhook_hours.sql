-- +goose Up
-- Statistics read a webhook's attempts by time. There is no foreign key, since checking it would have every
-- attempt lock its webhook's row; the delivery refers to the same webhook.
ALTER TABLE attempts ADD COLUMN webhook_id text COLLATE "C";
UPDATE attempts SET webhook_id = d.webhook_id FROM deliveries d WHERE d.id = attempts.delivery_id;
ALTER TABLE attempts ALTER COLUMN webhook_id SET NOT NULL;
CREATE INDEX attempts_by_webhook ON attempts (webhook_id, started_at);

-- The attempts of a webhook in an hour that is over, added up the first time that somebody asks. One that is
-- recorded later takes the figures away and counts the version up, so that who is adding up at that moment
-- doesn't write down figures without it.
CREATE TABLE webhook_hours (
    webhook_id text COLLATE "C" NOT NULL REFERENCES webhooks,
    hour       timestamptz NOT NULL,
    version    integer NOT NULL DEFAULT 0,
    figures    jsonb,
    PRIMARY KEY (webhook_id, hour)
);

-- +goose Down
DROP TABLE webhook_hours;
DROP INDEX attempts_by_webhook;
ALTER TABLE attempts DROP COLUMN webhook_id;
