package credentials

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"testing"
)

func TestBrief(t *testing.T) {
	t.Parallel()
	why := errors.New("connection refused")
	long := &url.Error{Op: "Get", URL: "https://chat.googleapis.com/v1/spaces/AAQA/spaceEvents?alt=json&filter=start_time%3D%222026%22", Err: why}
	const want = "chat.googleapis.com gave no answer to GET v1/spaces/AAQA/spaceEvents: connection refused"
	for _, err := range []error{long, fmt.Errorf("after 3 tries: %w", long)} {
		got := Brief(err)
		var network *url.Error
		if got.Error() != want || !errors.Is(got, why) || !errors.As(got, &network) {
			t.Errorf("of %v: got %v", err, got)
		}
	}
	late := Brief(&url.Error{Op: "Post", URL: "https://h/p", Err: context.DeadlineExceeded})
	if !errors.Is(late, context.DeadlineExceeded) {
		t.Errorf("%v is no deadline any more", late)
	}
	known := &Error{Doing: "get an access token", Cause: "no token came"}
	if got := Brief(&url.Error{Op: "Get", URL: "https://h/p", Err: known}); !errors.Is(got, known) || got.Error() != known.Error() {
		t.Errorf("got %v, want what is wrong with the credentials alone", got)
	}
	if Brief(nil) != nil || !errors.Is(Brief(why), why) {
		t.Error("other errors are changed")
	}
}
