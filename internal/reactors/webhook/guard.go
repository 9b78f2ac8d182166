package webhook

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// guard says which addresses may be connected to.
type guard struct {
	allow    []netip.Prefix
	loopback bool
	passed   func(address string) error // for tests: asked before each connection that may be made
}

func newGuard(o Options) guard {
	g := guard{allow: slices.Clone(o.Allow), loopback: o.AllowLoopback}
	if o.AllowLoopback {
		g.allow = append(g.allow, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
	}
	return g
}

// refusedError says that an address may not be connected to.
type refusedError struct{ addr, why string }

func (e *refusedError) Error() string {
	return fmt.Sprintf("%s is an address that webhooks may not reach (%s)", e.addr, e.why)
}

// control is called with the address that a socket is about to be connected
// to: a name can't resolve to something else between the look and the leap.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return &refusedError{address, "not an address"}
	}
	if network != "tcp4" && network != "tcp6" {
		return &refusedError{to.Addr().String(), "not TCP"}
	}
	if why := g.refuses(to.Addr()); why != "" {
		return &refusedError{to.Addr().String(), why}
	}
	if g.passed != nil {
		return g.passed(address)
	}
	return nil
}

// refuses says why an address may not be reached; "" if it may.
func (g guard) refuses(addr netip.Addr) string {
	if addr.Zone() != "" {
		return "link-local"
	}
	addr = addr.Unmap()
	if g.allows(addr) {
		return ""
	}
	// NAT64 leads to the IPv4 address in it.
	if nat64.Contains(addr) {
		raw := addr.As16()
		addr = netip.AddrFrom4([4]byte(raw[12:]))
		if g.allows(addr) {
			return ""
		}
	}
	for _, s := range special {
		if s.prefix.Contains(addr) {
			return s.why
		}
	}
	if addr.Is6() && !global.Contains(addr) {
		return "not a public address"
	}
	return ""
}

func (g guard) allows(addr netip.Addr) bool {
	return slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(addr) })
}

var (
	nat64  = netip.MustParsePrefix("64:ff9b::/96")
	global = netip.MustParsePrefix("2000::/3") // all IPv6 addresses that IANA has given out
)

// special are the address blocks that aren't public, after IANA's registries
// of special-purpose addresses. Other IPv6 addresses than global are refused as
// a whole: loopback, unique local, link-local, multicast and what embeds IPv4.
var special = []struct {
	prefix netip.Prefix
	why    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by a carrier"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local, where clouds keep credentials"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "for protocols"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation"},
	{netip.MustParsePrefix("192.88.99.0/24"), "6to4 relay"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},

	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("2001::/23"), "for protocols, Teredo among them"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation"},
	{netip.MustParsePrefix("2002::/16"), "6to4"},
	{netip.MustParsePrefix("3fff::/20"), "for documentation"},
}
