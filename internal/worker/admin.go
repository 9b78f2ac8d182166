package worker

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/pprof"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// startAdmin serves the process's profiles until close is called, for go tool pprof.
// The configuration takes no address but one on loopback.
func startAdmin(addr string, log *zap.Logger) (closing func(), err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for go tool pprof on %s: %w (admin.addr in the configuration)", addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/profile", profileCPU)
	mux.HandleFunc("GET /debug/pprof/{name}", showProfile)
	server := &http.Server{ReadHeaderTimeout: clientTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !config.IsLoopback("http://" + r.Host) { // a page on the web whose name leads here
			http.Error(w, "ask by 127.0.0.1 or localhost", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("profiles not served any more", zap.Error(err))
		}
	}()
	log.Info("serving profiles", zap.Stringer("addr", l.Addr()))
	return func() {
		_ = server.Close()
		<-ended
	}, nil
}

// The handlers of net/http/pprof would make the binary 400 KB larger.

// maxProfile is how long a profile of the CPU may take.
const maxProfile = 10 * time.Minute

// profileCPU answers with what the CPU did in the time that the query's seconds says:
// 30 if it doesn't.
func profileCPU(w http.ResponseWriter, r *http.Request) {
	d := 30 * time.Second
	if text := r.FormValue("seconds"); text != "" {
		n, err := strconv.ParseUint(text, 10, 16)
		if d = time.Duration(n) * time.Second; err != nil || d == 0 || d > maxProfile {
			http.Error(w, "seconds: want 1 to "+strconv.Itoa(int(maxProfile/time.Second)), http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if err := pprof.StartCPUProfile(w); err != nil {
		http.Error(w, err.Error(), http.StatusConflict) // somebody else makes one
		return
	}
	defer pprof.StopCPUProfile()
	end := time.NewTimer(d)
	defer end.Stop()
	select {
	case <-end.C:
	case <-r.Context().Done():
	}
}

// showProfile answers with a profile by its name, such as heap or goroutine; as text
// if the query says debug=1.
func showProfile(w http.ResponseWriter, r *http.Request) {
	p := pprof.Lookup(r.PathValue("name"))
	if p == nil {
		http.Error(w, "there is no such profile: profile, heap, allocs, goroutine, block, mutex, threadcreate", http.StatusNotFound)
		return
	}
	debug, _ := strconv.Atoi(r.FormValue("debug")) // what is no number is 0
	if debug == 0 {
		w.Header().Set("Content-Type", "application/octet-stream")
	}
	_ = p.WriteTo(w, debug) // a client that hung up gets no answer
}
