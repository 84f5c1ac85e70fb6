// Package rules holds, as tests, what must be true of the repository as a whole: which package may import
// which, and that docker-compose.yml fits the program. It has no code of its own.
package rules
