//go:build !race

package subscriptions_test

// slow scales tests down that make very many calls.
const slow = false
