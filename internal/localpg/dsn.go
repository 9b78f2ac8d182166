package localpg

import (
	"net/url"
	"strconv"
	"strings"
)

// dsn is the address of a database of the cluster. Every part that PGHOST and
// its like could otherwise fill in is there.
func (c *cluster) dsn(database string) string {
	query := url.Values{"sslmode": {"disable"}}
	u := url.URL{Scheme: "postgresql", Path: "/" + database}
	if c.tcp() {
		u.User = url.UserPassword(User, c.password)
		u.Host = c.addr()
	} else {
		query.Set("host", c.host)
		query.Set("port", strconv.Itoa(c.port))
		query.Set("user", User)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// WithSearchPath returns dsn, a URL or a list of key=value, with the search
// path that its sessions shall begin with. The result is for pgx.
func WithSearchPath(dsn, searchPath string) string {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		escaped := strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(searchPath)
		return dsn + " search_path='" + escaped + "'"
	}
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	return dsn + separator + url.Values{"search_path": {searchPath}}.Encode()
}

// quoteList quotes one element of a setting that is a list of names.
func quoteList(element string) string {
	return `"` + strings.ReplaceAll(element, `"`, `""`) + `"`
}
