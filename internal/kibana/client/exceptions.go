package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Paths of Kibana's API of exception lists. Source: Elastic's API reference, "Security exceptions API".
const (
	listsPath = "/api/exception_lists"
	itemsPath = listsPath + "/items"
)

const (
	itemsPage = 1000
	// mostItems bounds how many items of one list are read.
	mostItems = 20 * itemsPage
)

// ExceptionList is the exception list of that list_id, of one space; nil when there is none.
func (c *Client) ExceptionList(ctx context.Context, listID string) (list map[string]any, err error) {
	err = c.call(ctx, public, http.MethodGet, listsPath+"?"+url.Values{"list_id": {listID}, "namespace_type": {"single"}}.Encode(), nil, &list)
	if ReasonOf(err) == NotFound {
		return nil, nil
	}
	if err == nil && (list["list_id"] != listID || list["id"] == nil) {
		err = &Error{Reason: Unreadable, Status: http.StatusOK, Message: "the answer is no exception list; is this the address of a Kibana?"}
	}
	return list, err
}

// CreateExceptionList makes a list; Conflict when its list_id is there.
func (c *Client) CreateExceptionList(ctx context.Context, list any) error {
	return c.call(ctx, public, http.MethodPost, listsPath, list, nil)
}

// ExceptionItems are the items of a list of one space; none when there is no such list.
func (c *Client) ExceptionItems(ctx context.Context, listID string) (items []map[string]any, err error) {
	for page := 1; ; page++ {
		var answer struct {
			Data  []map[string]any `json:"data"`
			Total int              `json:"total"`
		}
		q := url.Values{"list_id": {listID}, "namespace_type": {"single"}, "page": {fmt.Sprint(page)}, "per_page": {fmt.Sprint(itemsPage)}}
		err := c.call(ctx, public, http.MethodGet, itemsPath+"/_find?"+q.Encode(), nil, &answer)
		if ReasonOf(err) == NotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		items = append(items, answer.Data...)
		if len(answer.Data) == 0 || len(items) >= min(answer.Total, mostItems) {
			return items, nil
		}
	}
}

// CreateExceptionItem makes an item of a list that is there; Conflict when its item_id is there.
func (c *Client) CreateExceptionItem(ctx context.Context, item any) error {
	return c.call(ctx, public, http.MethodPost, itemsPath, item, nil)
}

// UpdateExceptionItem replaces an item, which item_id names.
func (c *Client) UpdateExceptionItem(ctx context.Context, item map[string]any) error {
	return c.call(ctx, public, http.MethodPut, itemsPath, item, nil)
}

// DeleteExceptionItem removes an item. One that is not there is removed.
func (c *Client) DeleteExceptionItem(ctx context.Context, itemID string) error {
	err := c.call(ctx, public, http.MethodDelete, itemsPath+"?"+url.Values{"item_id": {itemID}, "namespace_type": {"single"}}.Encode(), nil, nil)
	if ReasonOf(err) == NotFound {
		return nil
	}
	return err
}
