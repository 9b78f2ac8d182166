package gchat

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// keepBody lets a caller have the bytes of an answer beside what the library
// makes of them. The library drops fields that it doesn't know, and what is
// recorded has to be what Google sent.
type keepBody struct{ next http.RoundTripper }

type bodyKey struct{}

// withBody returns a context that makes a call write its answer's body to buf.
func withBody(ctx context.Context, buf *bytes.Buffer) context.Context {
	return context.WithValue(ctx, bodyKey{}, buf)
}

func (k keepBody) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := k.next.RoundTrip(r)
	buf, wanted := r.Context().Value(bodyKey{}).(*bytes.Buffer)
	if err != nil || !wanted {
		return answer, err
	}
	buf.Reset() // of an answer before this one, if the call was repeated
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(answer.Body, buf), answer.Body}
	return answer, nil
}

// CloseIdleConnections lets http.Client reach those below.
func (k keepBody) CloseIdleConnections() {
	if c, ok := k.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}
