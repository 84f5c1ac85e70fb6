// Package openapitest holds, in tests, what an HTTP API answers against its OpenAPI document.
package openapitest
