package worker

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"

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
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
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
