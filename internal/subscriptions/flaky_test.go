package subscriptions_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"pgregory.net/rapid"
)

// mishap is what happens to one of a pass's requests.
type mishap int

const (
	fine        mishap = iota
	refused            // 429
	broken             // 500
	away               // 503
	cutBefore          // the connection is cut before Google has read the request
	cutAfter           // or before it has answered
	brokenAfter        // 502 although it was done
	crashBefore        // we are stopped before the request
	crashAfter         // or before its answer
)

// flaky is the way to Google of one keeper during one pass.
type flaky struct {
	next    http.RoundTripper
	stop    context.CancelFunc // of the pass
	mishaps []mishap           // of the first requests
	n       int                // requests so far
}

// drawMishaps answers with those of a pass's first requests.
func drawMishaps(rt *rapid.T) []mishap {
	one := rapid.Custom(func(rt *rapid.T) mishap {
		if rapid.IntRange(0, 3).Draw(rt, "luck") > 0 {
			return fine
		}
		return mishap(rapid.IntRange(int(refused), int(crashAfter)).Draw(rt, "mishap"))
	})
	return rapid.SliceOfN(one, 0, 10).Draw(rt, "mishaps")
}

// RoundTrip is called by one goroutine, as a keeper makes one call at a time.
func (f *flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	what := fine
	if f.n < len(f.mishaps) {
		what = f.mishaps[f.n]
	}
	f.n++
	switch what {
	case refused:
		return answerInstead(r, http.StatusTooManyRequests)
	case broken:
		return answerInstead(r, http.StatusInternalServerError)
	case away:
		return answerInstead(r, http.StatusServiceUnavailable)
	case cutBefore:
		closeRequest(r)
		return nil, io.ErrUnexpectedEOF
	case crashBefore:
		f.stop()
	}
	reply, err := f.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	switch what {
	case cutAfter:
		_ = reply.Body.Close()
		return nil, io.ErrUnexpectedEOF
	case brokenAfter:
		_ = reply.Body.Close()
		return answerInstead(r, http.StatusBadGateway)
	case crashAfter:
		_ = reply.Body.Close()
		f.stop()
		return nil, context.Canceled
	}
	return reply, nil
}

func answerInstead(r *http.Request, code int) (*http.Response, error) {
	closeRequest(r)
	body := fmt.Sprintf(`{"error":{"code":%d,"message":"Not now."}}`, code)
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   io.NopCloser(bytes.NewBufferString(body)), ContentLength: int64(len(body)), Request: r,
	}, nil
}

func closeRequest(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}
