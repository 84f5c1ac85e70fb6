// Package reference renders an OpenAPI document as a page for people: one file of HTML that needs no script and
// asks nothing of any site. "make generate" makes the page at /docs with it.
package reference
