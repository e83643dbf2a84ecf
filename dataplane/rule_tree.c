// SPDX-License-Identifier: MIT OR Apache-2.0
#include "rule_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// Of built nodes: room for some before the first split.
#define FILL 24u

struct pp_rule_item *pp_rule_item_create(const struct pp_ruleset_entry *entry)
{
	struct pp_rule_item *item = malloc(sizeof(*item));

	if (item == NULL)
		return NULL;
	item->refs = 1;
	item->traits = pp_ruleset_traits(&entry->rule);
	item->entry = *entry;
	return item;
}

void pp_rule_item_unref(struct pp_rule_item *item)
{
	if (item != NULL && --item->refs == 0)
		free(item);
}

static void node_unref(struct pp_rule_node *node)
{
	if (--node->refs > 0)
		return;
	for (uint32_t i = 0; i < node->count; i++) {
		if (node->height > 0)
			node_unref(node->child[i].node);
		else
			pp_rule_item_unref(node->child[i].item);
	}
	free(node);
}

struct pp_rule_tree pp_rule_tree_copy(const struct pp_rule_tree *tree)
{
	if (tree->root != NULL)
		tree->root->refs++;
	return *tree;
}

void pp_rule_tree_fini(struct pp_rule_tree *tree)
{
	if (tree->root != NULL)
		node_unref(tree->root);
	tree->root = NULL;
}

struct pp_rule_mark pp_rule_mark_of_item(const struct pp_rule_tree *tree,
					 const struct pp_rule_item *item)
{
	const struct pp_ruleset_entry *entry = &item->entry;

	return (struct pp_rule_mark){
		.key = tree->key == PP_RULE_TREE_RANK ? entry->rank : entry->id,
		.prio = entry->rule.prio,
		.count = 1,
		.traits = item->traits,
		.expires_ns = entry->expires_ns != 0 ? entry->expires_ns : UINT64_MAX,
	};
}

struct pp_rule_mark pp_rule_mark_of_node(const struct pp_rule_node *node)
{
	struct pp_rule_mark sum = {.expires_ns = UINT64_MAX};

	for (uint32_t i = 0; i < node->count; i++) {
		const struct pp_rule_mark *mark = &node->mark[i];

		sum.count += mark->count;
		sum.traits |= mark->traits;
		if (mark->expires_ns < sum.expires_ns)
			sum.expires_ns = mark->expires_ns;
	}
	if (node->count > 0) {
		sum.key = node->mark[node->count - 1].key;
		sum.prio = node->mark[node->count - 1].prio;
	}
	return sum;
}

// Nodes of one height for count children, each with the same number of them or one less.
static struct pp_rule_node *build_node(const struct pp_rule_tree *tree,
				       const union pp_rule_child *child,
				       uint32_t count,
				       uint16_t height)
{
	struct pp_rule_node *node = malloc(sizeof(*node));

	if (node == NULL)
		return NULL;
	node->refs = 1;
	node->height = height;
	node->count = (uint16_t)count;
	for (uint32_t i = 0; i < count; i++) {
		node->child[i] = child[i];
		if (height == 0)
			child[i].item->refs++;
		node->mark[i] = height > 0 ? pp_rule_mark_of_node(child[i].node)
					   : pp_rule_mark_of_item(tree, child[i].item);
	}
	return node;
}

// Put count children under nodes, which take their place in child[]. Where memory ends, what has no
// node yet is let go.
static int build_level(const struct pp_rule_tree *tree,
		       union pp_rule_child *child,
		       uint32_t *count,
		       uint16_t height)
{
	uint32_t nodes = (*count + FILL - 1) / FILL;

	for (uint32_t i = 0; i < nodes; i++) {
		uint32_t begin = (uint32_t)((uint64_t)*count * i / nodes);
		uint32_t end = (uint32_t)((uint64_t)*count * (i + 1) / nodes);
		struct pp_rule_node *node = build_node(tree, &child[begin], end - begin, height);

		if (node == NULL) {
			for (uint32_t j = height > 0 ? begin : *count; j < *count; j++)
				node_unref(child[j].node);
			*count = i;
			return -ENOMEM;
		}
		child[i].node = node;
	}
	*count = nodes;
	return 0;
}

int pp_rule_tree_build(struct pp_rule_tree *tree, struct pp_rule_item *const *item, uint32_t count)
{
	union pp_rule_child *child;
	uint16_t height = 0;
	int ret = 0;

	if (count == 0)
		return 0;
	child = calloc(count, sizeof(*child));
	if (child == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		child[i].item = item[i];
	do
		ret = build_level(tree, child, &count, height++);
	while (ret == 0 && count > 1);
	if (ret == 0)
		tree->root = child[0].node;
	for (uint32_t i = 0; ret < 0 && i < count; i++)
		node_unref(child[i].node);
	free(child);
	return ret;
}

uint32_t pp_rule_tree_count(const struct pp_rule_tree *tree)
{
	return tree->root != NULL ? pp_rule_mark_of_node(tree->root).count : 0;
}

uint32_t pp_rule_node_child_at(const struct pp_rule_node *node, uint32_t *index)
{
	uint32_t i = 0;

	while (i + 1 < node->count && *index >= node->mark[i].count)
		*index -= node->mark[i++].count;
	return i;
}

struct pp_rule_item *pp_rule_tree_at(const struct pp_rule_tree *tree, uint32_t index)
{
	const struct pp_rule_node *node = tree->root;

	while (node != NULL && node->height > 0)
		node = node->child[pp_rule_node_child_at(node, &index)].node;
	return node != NULL && index < node->count ? node->child[index].item : NULL;
}

// Count what stands before the first item of which is_there says yes; whoever has such an item below
// says yes too.
static uint32_t count_before(const struct pp_rule_tree *tree,
			     bool (*is_there)(const struct pp_rule_mark *mark, uint64_t value),
			     uint64_t value)
{
	const struct pp_rule_node *node = tree->root;
	uint32_t before = 0;

	while (node != NULL) {
		uint32_t i = 0;

		while (i < node->count && !is_there(&node->mark[i], value))
			before += node->mark[i++].count;
		node = i < node->count && node->height > 0 ? node->child[i].node : NULL;
	}
	return before;
}

static bool reaches_key(const struct pp_rule_mark *mark, uint64_t key)
{
	return mark->key >= key;
}

static bool exceeds_prio(const struct pp_rule_mark *mark, uint64_t prio)
{
	return mark->prio > prio;
}

static bool expires_by(const struct pp_rule_mark *mark, uint64_t now_ns)
{
	return mark->expires_ns <= now_ns;
}

uint32_t pp_rule_tree_lower(const struct pp_rule_tree *tree, uint32_t key)
{
	return count_before(tree, reaches_key, key);
}

uint32_t pp_rule_tree_behind_prio(const struct pp_rule_tree *tree, uint32_t prio)
{
	return count_before(tree, exceeds_prio, prio);
}

uint32_t pp_rule_tree_expired(const struct pp_rule_tree *tree, uint64_t now_ns)
{
	return count_before(tree, expires_by, now_ns);
}

uint64_t pp_rule_tree_next_expiry(const struct pp_rule_tree *tree)
{
	return tree->root != NULL ? pp_rule_mark_of_node(tree->root).expires_ns : UINT64_MAX;
}

uint32_t pp_rule_tree_next_with(const struct pp_rule_tree *tree, uint32_t index, uint32_t traits)
{
	struct pp_ruleset_cursor walk;

	pp_rule_walk_begin(&walk, tree, index);
	while (walk.levels > 0) {
		uint32_t height = 0;

		if (walk.node[0]->mark[walk.at[0]].traits & traits)
			return index;
		// The largest subtree that begins here and has none.
		while (height + 1 < walk.levels && walk.at[height] == 0 &&
		       !(walk.node[height + 1]->mark[walk.at[height + 1]].traits & traits))
			height++;
		index += height > 0 ? walk.node[height]->mark[walk.at[height]].count : 1;
		if (height > 0)
			pp_rule_walk_leave(&walk, height - 1);
		else
			pp_rule_walk_next(&walk);
	}
	return index;
}

void pp_rule_walk_begin(struct pp_ruleset_cursor *walk,
			const struct pp_rule_tree *tree,
			uint32_t index)
{
	const struct pp_rule_node *node = tree->root;

	walk->levels = 0;
	if (index >= pp_rule_tree_count(tree))
		return;
	walk->levels = node->height + 1;
	for (; node->height > 0; node = node->child[walk->at[node->height]].node) {
		walk->node[node->height] = node;
		walk->at[node->height] = (uint16_t)pp_rule_node_child_at(node, &index);
	}
	walk->node[0] = node;
	walk->at[0] = (uint16_t)index;
}

struct pp_rule_item *pp_rule_walk_item(const struct pp_ruleset_cursor *walk)
{
	return walk->levels > 0 ? walk->node[0]->child[walk->at[0]].item : NULL;
}

void pp_rule_walk_leave(struct pp_ruleset_cursor *walk, uint32_t height)
{
	do
		if (++height >= walk->levels) {
			walk->levels = 0;
			return;
		}
	while (++walk->at[height] >= walk->node[height]->count);
	while (height-- > 0) {
		walk->node[height] = walk->node[height + 1]->child[walk->at[height + 1]].node;
		walk->at[height] = 0;
	}
}

void pp_rule_walk_next(struct pp_ruleset_cursor *walk)
{
	if (walk->levels > 0 && ++walk->at[0] >= walk->node[0]->count)
		pp_rule_walk_leave(walk, 0);
}
