package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Place is a part of Rulebridge that runs beside the gateway, or a place where data lies; the page names them.
type Place struct {
	Name string // such as "Temporal Web UI"
	// Where is an address or a folder; one that begins with http:// or https:// becomes a link.
	Where string
}

// home answers / with the page.
func (s *Server) home(c *gin.Context) { s.page.Index(c.Writer, c.Request) }

// asset answers with one of the page's files.
func (s *Server) asset(c *gin.Context) {
	if !s.page.Asset(c.Writer, c.Request, c.Param("name")) {
		s.fail(c, &Error{Status: http.StatusNotFound, Message: "the page has no such file; load the page anew, it may be that of an older version"})
	}
}
