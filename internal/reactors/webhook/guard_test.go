package webhook

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/spacekeeper/spacekeeper/internal/reactors"
)

// hostile are hosts that lead, or look as if they lead, to where no webhook
// may go. What follows = is what a name resolves to.
func hostile() []string {
	return []string{
		// this machine
		"127.0.0.1", "127.0.0.2", "127.255.255.254", "127.1", "127.0.1", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001",
		"2130706433", "017700000001", "0", "0.0.0.0", "localhost", "LOCALHOST", "localhost.", "[::1]", "[::]",
		"[0:0:0:0:0:0:0:1]", "①②⑦.⓪.⓪.①",
		// in IPv6
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:169.254.169.254]",
		"[2002:7f00:1::]", "[2002:a9fe:a9fe::1]", "[64:ff9b::7f00:1]", "[64:ff9b::169.254.169.254]", "[64:ff9b:1::a00:1]",
		"[2001:0:7f00:1::]", "[fe80::1]", "[fe80::1%25lo]", "[fd00::1]", "[fc00::1]", "[fd00:ec2::254]", "[fec0::1]", "[ff02::1]",
		"[2001:db8::1]", "[100::1]",
		// private and special
		"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254", "192.168.0.1", "169.254.169.254", "169.254.1.1",
		"100.64.0.1", "100.127.255.254", "192.0.0.192", "198.18.0.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
		"255.255.255.255", "192.0.2.1", "192.88.99.1",
		// names
		"metadata.google.internal=169.254.169.254", "loop.example.com=127.0.0.1", "six.example.com=::1",
		"mapped.example.com=::ffff:10.0.0.1", "inside.example.com=fd00::7", "cgnat.example.com=100.100.100.200",
		"zero.example.com=0.0.0.0", "many.example.com=10.0.0.1,192.168.1.1,::1", "127.0.0.1.nip.example=127.0.0.1",
		"xn--lo-example.com=127.0.0.1",
	}
}

// watched is an action whose every connection is counted and none is made.
func watched(t *testing.T, o Options) (*Action, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var passed []string
	a := newAction(t, o)
	a.guard.passed = func(address string) error {
		mu.Lock()
		defer mu.Unlock()
		passed = append(passed, address)
		return errors.New("a connection would have been made")
	}
	a.client = newClient(a.guard, o)
	return a, func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), passed...)
	}
}

// trap listens on this machine, where many of the hosts lead, and counts.
func trap(t *testing.T) (port string, caught func() int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var n atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			n.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	return port, n.Load
}

// hostileRequest makes a stored request past all checks of Prepare.
func hostileRequest(secret, raw string) []byte {
	return fmt.Appendf(nil, `{"id":"i","url":%q,"secret_file":%q,"body":"{}"}`, raw, secret)
}

// TestNoConnectionToWhereWebhooksMayNotGo: row S4.
func TestNoConnectionToWhereWebhooksMayNotGo(t *testing.T) {
	t.Parallel()
	port, caught := trap(t)
	names := &nameServer{answers: map[string][][]netip.Addr{}, asked: map[string]int{}}
	a, passed := watched(t, Options{Resolver: names.resolver(t)})
	secret := secretFile(t, otherSecret)
	corpus := hostile()
	if len(corpus) < 60 {
		t.Fatalf("%d hosts, want 60 at least", len(corpus))
	}
	for _, entry := range corpus {
		host, addrs, named := strings.Cut(entry, "=")
		if named {
			var answer []netip.Addr
			for _, addr := range strings.Split(addrs, ",") {
				answer = append(answer, netip.MustParseAddr(addr))
			}
			names.answers[host+"."] = [][]netip.Addr{answer}
		}
		_, err := a.Act(t.Context(), hostileRequest(secret, "https://"+host+":"+port+"/x"))
		if err == nil {
			t.Errorf("Act towards %q succeeded", entry)
		}
		if named && !reactors.IsPermanent(err) {
			t.Errorf("Act towards %q: error %v, want a permanent one", entry, err)
		}
	}
	if got := passed(); len(got) > 0 {
		t.Errorf("connections would have been made to %q", got)
	}
	if got := caught(); got > 0 {
		t.Errorf("%d connections were made to this machine", got)
	}
}

// TestRebinding: a name is public when it is looked at, and private when it is
// connected to; or both at once.
func TestRebinding(t *testing.T) {
	t.Parallel()
	public, private := netip.MustParseAddr("93.184.216.34"), netip.MustParseAddr("169.254.169.254")
	names := &nameServer{asked: map[string]int{}, answers: map[string][][]netip.Addr{
		"turns.example.com.": {{public}, {private}},
		"both.example.com.":  {{private, public}},
	}}
	a, passed := watched(t, Options{Resolver: names.resolver(t)})
	secret := secretFile(t, otherSecret)
	for range 2 {
		for _, host := range []string{"turns.example.com", "both.example.com"} {
			if _, err := a.Act(t.Context(), hostileRequest(secret, "https://"+host+"/")); err == nil {
				t.Errorf("Act towards %s succeeded", host)
			}
		}
	}
	if len(passed()) == 0 {
		t.Error("the public address was not tried either: the test shows nothing")
	}
	for _, address := range passed() {
		if address != public.String()+":443" {
			t.Errorf("a connection would have been made to %s", address)
		}
	}
	_, err := a.Act(t.Context(), hostileRequest(secret, "https://turns.example.com/"))
	if !reactors.IsPermanent(err) {
		t.Errorf("Act once the name is private: error %v, want a permanent one", err)
	}
}

// TestRedirectsLeadNowhere: a receiver that may be reached sends us elsewhere.
func TestRedirectsLeadNowhere(t *testing.T) {
	t.Parallel()
	port, caught := trap(t)
	r := newReceiver(t, otherSecret)
	a := newAction(t, r.options()) // even loopback may be reached: only the redirect is at fault
	secret := secretFile(t, otherSecret)
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"https://127.0.0.1:" + port, "http://169.254.169.254/computeMetadata/v1/", "//127.0.0.1:" + port} {
			r.mu.Lock()
			r.answer, r.location = status, location
			r.mu.Unlock()
			if _, err := a.Act(t.Context(), hostileRequest(secret, r.URL)); !reactors.IsPermanent(err) {
				t.Errorf("%d to %s: error %v, want a permanent one", status, location, err)
			}
		}
	}
	if got := caught(); got > 0 {
		t.Errorf("%d connections were made to where redirects lead", got)
	}
}

// TestNoProxy: a proxy from the environment would connect where we can't look.
func TestNoProxy(t *testing.T) {
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"} {
		t.Setenv(name, "http://127.0.0.1:3128")
	}
	a, passed := watched(t, Options{AllowLoopback: true})
	_, _ = a.Act(t.Context(), hostileRequest(secretFile(t, otherSecret), "https://93.184.216.34/"))
	if got, want := passed(), []string{"93.184.216.34:443"}; !slices.Equal(got, want) {
		t.Errorf("connections would have been made to %q, want %q", got, want)
	}
}

func TestAllowedAndPublicAddresses(t *testing.T) {
	t.Parallel()
	g := newGuard(Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd12::/16")}})
	for addr, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "64:ff9b::a01:203": true, "fd12::5": true,
		"10.2.0.1": false, "127.0.0.1": false, "fd13::5": false, "64:ff9b::a02:1": false,
		"93.184.216.34": true, "2606:2800:220:1::1": true, "64:ff9b::5db8:d822": true, "172.32.0.1": true, "100.128.0.1": true,
	} {
		if why := g.refuses(netip.MustParseAddr(addr)); (why == "") != want {
			t.Errorf("refuses(%s) = %q, want it to be let through: %t", addr, why, want)
		}
	}
}

// TestErrorsHideTheURL: its path or query may be a token.
func TestErrorsHideTheURL(t *testing.T) {
	t.Parallel()
	a, _ := watched(t, Options{})
	for _, host := range []string{"93.184.216.34", "127.0.0.1", "no-such-name.invalid"} {
		u := url.URL{Scheme: "https", Host: host, Path: "/" + canary, RawQuery: canary}
		_, err := a.Act(t.Context(), hostileRequest(secretFile(t, otherSecret), u.String()))
		if err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("Act towards %s: error %v, want one without the path", host, err)
		}
	}
}
