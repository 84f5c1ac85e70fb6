// A client that durahook did not make: its types are made by openapi-typescript from the document that the API
// serves, its requests by openapi-fetch. The test TestForeignClient runs it against the API.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./durahook.js";

type Problem = components["schemas"]["Problem"];

function setting(name: string): string {
	const value = process.env[name];
	if (!value) throw new Error(`${name} is not set`);
	return value;
}

const durahook = createClient<paths>({
	baseUrl: setting("DURAHOOK_SERVER"),
	headers: { Authorization: `Bearer ${setting("DURAHOOK_API_KEY")}` },
});

/** Refused is what the API would not do, with the problem document that says why. */
class Refused extends Error {
	constructor(readonly problem: Problem) {
		super(problem.detail);
	}
}

/** ok returns the data of an answer; a problem is thrown. */
async function ok<T>(answer: Promise<{ data?: T; error?: Problem }>): Promise<T> {
	const { data, error } = await answer;
	if (error !== undefined) throw new Refused(error);
	return data as T;
}

/** refused returns the problem with which an answer must have come. */
async function refused(answer: Promise<{ error?: Problem }>): Promise<Problem> {
	const { error } = await answer;
	assert(error, "this should have been refused");
	return error;
}

const webhook = await ok(durahook.POST("/v1/webhooks", {
	body: {
		name: "CRM",
		url: "https://8.8.8.8/webhooks",
		events: ["call.*"],
		authentication: { type: "bearer", token: "a-token-of-the-receiver" },
	},
}));
assert.match(webhook.signing_secret, /^whsec_/);
const path = { id: webhook.id };

// Three events, and the first once more: its answer might have been lost.
const publish = (callID: string) => durahook.POST("/v1/events", {
	params: { header: { "Idempotency-Key": callID } },
	body: { event: "call.ended", timestamp: "2025-02-02T14:30:00Z", data: { call_id: callID, duration: 127 } },
});
const published = [];
for (const callID of ["call_1", "call_2", "call_3"]) published.push(await ok(publish(callID)));
const again = await publish("call_1");
assert.equal(again.response.headers.get("Idempotency-Replayed"), "true");
assert.deepEqual(again.data, published[0]);

// Page by page, newest first.
const pages: string[][] = [];
let cursor: string | null = null;
do {
	const query: { event: string; webhook_id: string; limit: number; cursor?: string } =
		{ event: "call.ended", webhook_id: webhook.id, limit: 2 };
	if (cursor !== null) query.cursor = cursor;
	const page: components["schemas"]["DeliveryList"] = await ok(durahook.GET("/v1/deliveries", { params: { query } }));
	pages.push(page.data.map((delivery) => delivery.event_id));
	cursor = page.next_cursor;
} while (cursor !== null);
const ids = published.map((event) => event.id).reverse();
assert.deepEqual(pages, [ids.slice(0, 2), ids.slice(2)]);

const found = await ok(durahook.GET("/v1/deliveries", { params: { query: { q: "call_2", status: "pending" } } }));
assert.deepEqual(found.data.map((delivery) => delivery.event_id), [published[1]?.id]);

const [first] = found.data;
assert(first);
const delivery = await ok(durahook.GET("/v1/deliveries/{id}", { params: { path: { id: first.id } } }));
assert.equal(delivery.webhook_name, "CRM");
assert.deepEqual(delivery.attempts, []);

// Temporal is down in the test, which is told in the same form as all else, with when to try again.
const retried = await durahook.POST("/v1/deliveries/{id}/retry", { params: { path: { id: delivery.id } } });
assert.equal(retried.error?.code, "unavailable");
assert.match(retried.response.headers.get("Retry-After") ?? "", /^[1-9]\d*$/);

const invalid = await refused(durahook.PATCH("/v1/webhooks/{id}", {
	params: { path }, body: { name: "", url: "http://127.0.0.1/" },
}));
assert.equal(invalid.code, "invalid");
assert.deepEqual(invalid.errors?.map((field) => field.pointer).sort(), ["/name", "/url"]);

const changed = await ok(durahook.PATCH("/v1/webhooks/{id}", {
	params: { path }, body: { name: "CRM of Europe", filter: "data.duration > 60" },
}));
assert.deepEqual([changed.name, changed.filter, changed.url], ["CRM of Europe", "data.duration > 60", webhook.url]);

await ok(durahook.DELETE("/v1/webhooks/{id}", { params: { path } }));
await assert.rejects(ok(durahook.GET("/v1/webhooks/{id}", { params: { path } })),
	(error) => error instanceof Refused && error.problem.code === "not_found");
console.log("done");
