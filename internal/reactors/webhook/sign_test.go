package webhook

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// TestSpecVector is the example of the Standard Webhooks libraries.
func TestSpecVector(t *testing.T) {
	t.Parallel()
	secrets, err := secretsIn(secretFile(t, "whsec_"+otherSecret))
	if err != nil {
		t.Fatal(err)
	}
	got, err := sign(secrets, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("signature = %q, want %q", got, want)
	}
}

// signed is what a receiver gets.
type signed struct {
	id, timestamp, signature string
	body                     []byte
}

func (s signed) header() http.Header {
	h := http.Header{}
	h.Set(standardwebhooks.HeaderWebhookID, s.id)
	h.Set(standardwebhooks.HeaderWebhookTimestamp, s.timestamp)
	h.Set(standardwebhooks.HeaderWebhookSignature, s.signature)
	return h
}

// signAt signs a real body as of a time.
func signAt(t *testing.T, at time.Time) (signed, *standardwebhooks.Webhook) {
	t.Helper()
	secrets, err := secretsIn(secretFile(t, otherSecret))
	if err != nil {
		t.Fatal(err)
	}
	c := prepareContext()
	body, err := cloudEvent(c.IDs.Request(c.Label), c, true)
	if err != nil {
		t.Fatal(err)
	}
	s := signed{id: c.IDs.Request(c.Label), timestamp: strconv.FormatInt(at.Unix(), 10), body: body}
	if s.signature, err = sign(secrets, s.id, at, body); err != nil {
		t.Fatal(err)
	}
	return s, secrets[0]
}

// TestReplaysAreRejected: what was signed is good for five minutes.
func TestReplaysAreRejected(t *testing.T) {
	t.Parallel()
	for age, want := range map[time.Duration]bool{
		0: true, 290 * time.Second: true, -290 * time.Second: true,
		301 * time.Second: false, -302 * time.Second: false, // the clock goes on meanwhile
	} {
		s, verifier := signAt(t, time.Now().Add(-age))
		if err := verifier.Verify(s.body, s.header()); (err == nil) != want {
			t.Errorf("Verify %s after signing: error %v, want it to pass: %t", age, err, want)
		}
	}
}

// TestForgeriesAreRejected flips one bit of what is sent at a time.
func TestForgeriesAreRejected(t *testing.T) {
	t.Parallel()
	good, verifier := signAt(t, time.Now())
	if err := verifier.Verify(good.body, good.header()); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	const flips = 10_000
	for i := range flips {
		bad := good
		bad.body = append([]byte(nil), good.body...)
		var where string
		switch i % 4 {
		case 0, 1:
			where = flip(random, bad.body)
		case 2:
			raw := []byte(bad.signature)
			where = "signature " + flip(random, raw)
			bad.signature = string(raw)
		case 3:
			raw := []byte(bad.id + bad.timestamp)
			where = "id or timestamp " + flip(random, raw)
			bad.id, bad.timestamp = string(raw[:len(bad.id)]), string(raw[len(bad.id):])
		}
		if verifier.Verify(bad.body, bad.header()) == nil {
			t.Fatalf("flip %d of %d (%s) passes", i, flips, where)
		}
	}
}

// flip flips a bit and says which.
func flip(random *rand.Rand, b []byte) string {
	at, bit := random.IntN(len(b)), random.IntN(8)
	b[at] ^= 1 << bit
	return fmt.Sprintf("byte %d bit %d", at, bit)
}
