package console

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/gorilla/mux"
	"github.com/tdewolff/minify/v2"
	"github.com/tdewolff/minify/v2/css"
	"github.com/tdewolff/minify/v2/js"
)

const assetsPath = root + "/assets/"

//go:embed assets
var assetFiles embed.FS

// assets are the files that pages refer to. Each is served under a name with a hash of its content in it,
// so that browsers may keep it for good and never show a page in yesterday's clothes.
type assets struct {
	paths map[string]string // from "console.css" to "/console/assets/console.1a2b3c4d5e6f.css"
	files map[string]asset  // by the name in the path
}

type asset struct {
	contentType string
	content     []byte
}

// stylesheet is what console.css is made of, in this order: later rules win over earlier ones.
func stylesheet() []string {
	return []string{"css/base.css", "css/parts.css", "css/list.css", "css/table.css", "css/cards.css", "css/delivery.css", "css/webhooks.css", "css/webhook.css"}
}

// loadAssets reads the embedded files. It panics when one is missing, which no build that works does.
func loadAssets() *assets {
	loaded := &assets{paths: map[string]string{}, files: map[string]asset{}}
	loaded.add("console.css", stylesheet()...)
	loaded.add("page.js", "page.js", "dialogs.js")
	for _, name := range []string{"keep.js", "live.js", "select.js", "sign-in.js", "favicon.svg"} {
		loaded.add(name, name)
	}
	return loaded
}

// add serves some of the embedded files as one under a name.
func (a *assets) add(name string, parts ...string) {
	var content []byte
	for _, part := range parts {
		text, err := assetFiles.ReadFile("assets/" + part)
		if err != nil {
			panic(fmt.Errorf("load the console's assets: %w", err))
		}
		content = append(content, text...)
	}
	extension := path.Ext(name)
	content = compact(contentTypeOf(extension), content)
	hash := shortHash(content)
	hashed := strings.TrimSuffix(name, extension) + "." + hash + extension
	a.paths[name] = assetsPath + hashed
	a.files[hashed] = asset{contentType: contentTypeOf(extension), content: content}
}

// compact leaves out what only those who read the files need. It panics where a file is no CSS or JavaScript.
func compact(contentType string, content []byte) []byte {
	mediaType, _, _ := strings.Cut(contentType, ";")
	m := minify.New()
	m.AddFunc("text/css", css.Minify)
	m.AddFunc("text/javascript", js.Minify)
	compacted, err := m.Bytes(mediaType, content)
	switch {
	case errors.Is(err, minify.ErrNotExist):
		return content
	case err != nil:
		panic(fmt.Errorf("make the console's assets smaller: %w", err))
	}
	return compacted
}

func shortHash(content []byte) string {
	const enough = 12
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])[:enough]
}

// contentTypeOf does not ask the machine, as package mime would: some are configured to call JavaScript
// plain text, which browsers then refuse to run.
func contentTypeOf(extension string) string {
	switch extension {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	default:
		return "image/svg+xml"
	}
}

// path returns where the file with this name is served. It is for templates; a name that does not exist is
// an error of theirs.
func (a *assets) path(name string) (string, error) {
	p, ok := a.paths[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %s", name)
	}
	return p, nil
}

// asset sends one of the files.
func (c *Console) asset(w http.ResponseWriter, r *http.Request) error {
	file, ok := c.assets.files[mux.Vars(r)["name"]]
	if !ok {
		return noPage(w, r)
	}
	w.Header().Set("Content-Type", file.contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	c.send(w, http.StatusOK, file.content)
	return nil
}
