package api

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/store"
)

// Place is a part of Rulebridge that runs beside the gateway, or a place where data lies, for the page at /.
type Place struct {
	Name string // such as "Temporal Web UI"
	// Where is an address or a folder; one that begins with http:// or https:// becomes a link.
	Where string
}

// IsLink says whether Where is an address of the web.
func (p Place) IsLink() bool {
	return strings.HasPrefix(p.Where, "http://") || strings.HasPrefix(p.Where, "https://")
}

//go:embed home.html
var homeHTML string

// homePage escapes everything that is put into it.
var homePage = template.Must(template.New("home").Parse(homeHTML))

// shownMigrations is how many migrations the page lists; the API lists all.
const shownMigrations = 50

type homeData struct {
	Gateway    string
	Base       string
	Places     []Place
	Migrations []homeMigration
	More       int
	Error      string
}

type homeMigration struct {
	ID, Name, State string
	Counts          migration.Counts
}

// home answers / with a plain page: what runs where, and the migrations. It has no scripts and no references to elsewhere.
func (s *Server) home(c *gin.Context) {
	scheme := "http"
	if c.Request.TLS != nil {
		scheme = "https"
	}
	data := homeData{Gateway: scheme + "://" + c.Request.Host, Base: BasePath, Places: s.Places}
	if s.Settings.Features.SIEMMigrations {
		list, err := s.Store.Overview(c.Request.Context())
		if err != nil {
			data.Error = "The store does not answer, so the migrations cannot be listed; /readyz says more."
		}
		data.Migrations, data.More = homeMigrations(list)
	}
	var page bytes.Buffer
	if err := homePage.Execute(&page, data); err != nil {
		s.fail(c, fmt.Errorf("write the page: %w", err))
		return
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	c.Data(http.StatusOK, "text/html; charset=utf-8", page.Bytes())
}

func homeMigrations(list []store.Standing) (shown []homeMigration, more int) {
	for _, m := range list[:min(shownMigrations, len(list))] {
		shown = append(shown, homeMigration{ID: m.Migration.ID, Name: m.Migration.Name, State: string(m.Migration.State), Counts: m.Counts})
	}
	return shown, len(list) - len(shown)
}
