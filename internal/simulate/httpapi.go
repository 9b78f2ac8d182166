package simulate

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// apiError is an error as Google's REST APIs answer it.
type apiError struct {
	code       int    // HTTP status
	status     string // google.rpc.Code's name
	message    string
	details    []any
	retryAfter time.Duration
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.code, e.status, e.message) }

// refused is an error without details; the HTTP status says which code it has.
func refused(httpStatus int, format string, args ...any) *apiError {
	return &apiError{code: httpStatus, status: statusName(httpStatus), message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) *apiError {
	return refused(http.StatusBadRequest, format, args...)
}

func notFound(format string, args ...any) *apiError {
	return refused(http.StatusNotFound, format, args...)
}

func denied(format string, args ...any) *apiError {
	return refused(http.StatusForbidden, format, args...)
}

func conflict(format string, args ...any) *apiError {
	return refused(http.StatusConflict, format, args...)
}

func unimplemented(format string, args ...any) *apiError {
	return refused(http.StatusNotImplemented, "The simulated Workspace "+format, args...)
}

// statusName is the google.rpc.Code that Google's front end maps to an HTTP
// status.
func statusName(code int) string {
	switch code {
	case http.StatusBadRequest:
		return "INVALID_ARGUMENT"
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusConflict:
		return "ALREADY_EXISTS"
	case http.StatusTooManyRequests:
		return "RESOURCE_EXHAUSTED"
	case http.StatusNotImplemented:
		return "UNIMPLEMENTED"
	case http.StatusServiceUnavailable, http.StatusBadGateway:
		return "UNAVAILABLE"
	case http.StatusGatewayTimeout:
		return "DEADLINE_EXCEEDED"
	default:
		return "INTERNAL"
	}
}

// handle makes a handler of a function that answers with a resource.
func handle(fn func(*http.Request) (any, *apiError)) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		answer, apiErr := fn(r)
		writeAnswer(rw, answer, apiErr)
	}
}

func writeAnswer(rw http.ResponseWriter, answer any, apiErr *apiError) {
	if apiErr != nil {
		writeError(rw, apiErr)
		return
	}
	writeJSON(rw, http.StatusOK, answer)
}

func writeError(rw http.ResponseWriter, e *apiError) {
	if e.retryAfter > 0 {
		seconds := (e.retryAfter + time.Second - 1) / time.Second
		rw.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	body := map[string]any{"code": e.code, "message": e.message, "status": e.status}
	if len(e.details) > 0 {
		body["details"] = e.details
	}
	writeJSON(rw, e.code, map[string]any{"error": body})
}

func writeJSON(rw http.ResponseWriter, code int, body any) {
	rw.Header().Set("Content-Type", "application/json; charset=UTF-8")
	rw.WriteHeader(code)
	if raw, ok := body.(rawJSON); ok {
		_, _ = rw.Write(raw)
		return
	}
	_ = json.NewEncoder(rw).Encode(body) // the client is gone: nobody to tell
}

// rawJSON is an answer that is rendered already.
type rawJSON []byte

// readBody reads a request's body up to a size that no good request has.
func readBody(r *http.Request) ([]byte, *apiError) {
	const limit = 1 << 20
	raw, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return nil, invalid("Request body can't be read: %v", err)
	}
	if len(raw) > limit {
		return nil, invalid("Request payload size exceeds the limit: %d bytes.", limit)
	}
	return raw, nil
}

// pageOf cuts a page out of a list of n, for a token that is a position.
func pageOf(r *http.Request, n, defaultSize, maxSize int) (from, to int, next string, apiErr *apiError) {
	size, apiErr := pageSize(r, defaultSize, maxSize)
	if apiErr != nil {
		return 0, 0, "", apiErr
	}
	if token := r.URL.Query().Get("pageToken"); token != "" {
		var err error
		if from, err = strconv.Atoi(token); err != nil || from < 0 || from > n {
			return 0, 0, "", invalid("Invalid page token %q.", token)
		}
	}
	to = min(from+size, n)
	if to < n {
		next = strconv.Itoa(to)
	}
	return from, to, next, nil
}

// pageSize reads how many entries a page may have.
func pageSize(r *http.Request, defaultSize, maxSize int) (int, *apiError) {
	v := r.URL.Query().Get("pageSize")
	if v == "" {
		return defaultSize, nil
	}
	size, err := strconv.Atoi(v)
	if err != nil || size < 0 {
		return 0, invalid("Invalid page size %q.", v)
	}
	return min(cmp.Or(size, defaultSize), maxSize), nil
}

// flag reads a boolean query parameter.
func flag(r *http.Request, name string) (bool, *apiError) {
	v := r.URL.Query().Get(name)
	if v == "" {
		return false, nil
	}
	on, err := strconv.ParseBool(v)
	if err != nil {
		return false, invalid("Invalid value at '%s': %q", name, v)
	}
	return on, nil
}

// decodeStrict decodes one JSON object; unknown fields are refused, as Google
// does.
func decodeStrict(raw []byte, into any) *apiError {
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return invalid("Invalid JSON payload received. %v", err)
	}
	return nil
}

// unknownMethod answers what this Workspace doesn't have.
func unknownMethod(r *http.Request) (any, *apiError) {
	return nil, unimplemented("has no method for %s %s.", r.Method, r.URL.Path)
}
