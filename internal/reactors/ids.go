package reactors

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// IDs makes the ids by which Google recognises a repetition. They follow from
// what is to be done alone, so that a second worker makes the same.
type IDs struct{ key string }

// IDsOf returns the ids of a run's rule and subject. Those of a message stay
// the same in all steps, so that a later one can change what an earlier sent.
func IDsOf(r Run) IDs {
	return IDs{strings.Join([]string{r.Reactor, r.Subject, strconv.FormatBool(r.Shadow)}, "\x00")}
}

// Message is the id that the app gives the message of a label: "client-…" of
// 47 characters (fact sheet §6.2).
func (i IDs) Message(label string) string {
	sum := sha256.Sum256([]byte(i.key + "\x00" + label))
	return "client-" + hex.EncodeToString(sum[:20])
}

// Request is the request id of a label: a UUID.
func (i IDs) Request(label string) string {
	return uuid.NewSHA1(requestSpace, []byte(i.key+"\x00"+label)).String()
}

// requestSpace is the namespace of our request ids (UUID version 5).
var requestSpace = uuid.NewSHA1(uuid.NameSpaceURL, []byte("https://github.com/spacekeeper/spacekeeper"))
