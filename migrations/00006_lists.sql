-- +goose Up
-- Lists go from the newest ID to the oldest, filtered. Their statement (store/list.go) goes down one index, once
-- for each value of the column before the ID (each status, each code of a class), and takes the newest of all. So a
-- page costs the same however rare its rows are, and a list without that filter needs no index of its own:
-- the first two replace those on (account_id, id) and (webhook_id, id) and cost what those did.
--
-- What the others cost, in bytes of write-ahead log for one delivery that is published, attempted and recorded:
-- 2,960 before; +50 the status in the first two; +410 by event; +280 by code, both; +280 events, both; +150 the
-- search, and more with every value. Temporal writes several times that for the same delivery. None of them
-- makes an update dearer in kind: recording an attempt changes the status, which deliveries_to_sweep holds, so
-- it never was a heap-only update. Partial indexes without what was delivered, or without codes 2xx, would
-- save a third of it. Then whoever asks for the last success of an endpoint that fails for weeks, or for the one 204
-- among the 200s, looks through everything.
CREATE INDEX deliveries_by_status ON deliveries (account_id, status, id);
CREATE INDEX deliveries_of_webhook ON deliveries (webhook_id, status, id);
DROP INDEX deliveries_by_account;
DROP INDEX deliveries_by_webhook;
CREATE INDEX deliveries_by_event ON deliveries (account_id, event, status, id);
CREATE INDEX deliveries_by_code ON deliveries (account_id, status_code, id) WHERE status_code IS NOT NULL;
CREATE INDEX deliveries_of_webhook_by_code ON deliveries (webhook_id, status_code, id) WHERE status_code IS NOT NULL;

CREATE INDEX events_by_account ON events (account_id, id);
CREATE INDEX events_by_type ON events (account_id, event, id);

-- What an event is found by: a hash of each value in its data (webhook.SearchTerms). It can be tried out, so it
-- stands with the payload and goes with it.
ALTER TABLE event_payloads ADD COLUMN search bigint[] NOT NULL DEFAULT '{}';
CREATE INDEX event_payloads_search ON event_payloads USING gin (search) WITH (gin_pending_list_limit = 1024);

-- +goose Down
DROP INDEX event_payloads_search;
ALTER TABLE event_payloads DROP COLUMN search;
DROP INDEX events_by_type;
DROP INDEX events_by_account;
DROP INDEX deliveries_of_webhook_by_code;
DROP INDEX deliveries_by_code;
DROP INDEX deliveries_by_event;
CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, id DESC);
CREATE INDEX deliveries_by_account ON deliveries (account_id, id DESC);
DROP INDEX deliveries_of_webhook;
DROP INDEX deliveries_by_status;
