package gchat

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// keepBody gives a caller the bytes of an answer. The library drops fields that
// it doesn't know, and the event log has to hold what Google sent.
type keepBody struct{ next http.RoundTripper }

// received is an answer as it came.
type received struct {
	header http.Header
	body   bytes.Buffer
}

type receivedKey struct{}

// withReceived returns a context in which a call also writes its answer to got.
func withReceived(ctx context.Context, got *received) context.Context {
	return context.WithValue(ctx, receivedKey{}, got)
}

func (k keepBody) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := k.next.RoundTrip(r)
	got, wanted := r.Context().Value(receivedKey{}).(*received)
	if err != nil || !wanted {
		return answer, err
	}
	got.header = answer.Header
	got.body.Reset() // of an answer before this one, if the call was repeated
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(answer.Body, &got.body), answer.Body}
	return answer, nil
}

// CloseIdleConnections closes those of the transport below.
func (k keepBody) CloseIdleConnections() {
	if c, ok := k.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
