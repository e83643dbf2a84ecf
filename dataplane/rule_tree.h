// SPDX-License-Identifier: MIT OR Apache-2.0
// A sequence of rules that is cheap to copy: a B+ tree whose nodes copies share. What is changed is
// the path from the root to the place of the change, and only where somebody else has it too.
//
// A rule set keeps two of them: by rank, which is the order of matching, and by id.
//
// Threads    one, for all trees that share nodes: references are counted without atomics.
// Cost       copy: O(1). at, lower, insert, remove: O(log n), some 0.1 us. A change after a copy
//            copies a node of 1 KiB a level.
// Ownership  a tree holds references to its nodes, nodes to nodes and items.
#pragma once

#include <stdbool.h>

#include <push-packet/ruleset.h>

#define PP_RULE_TREE_FAN 32u

// A rule in the trees of all sets that have it. It never changes: another rank is another item.
struct pp_rule_item {
	uint32_t refs;
	uint32_t traits; // enum pp_ruleset_trait
	struct pp_ruleset_entry entry;
};

// What a node knows of an item or of all items below a child.
struct pp_rule_mark {
	uint32_t key; // rank or id; the last one's, which is the greatest
	uint32_t prio; // the last one's; in order only by rank
	uint32_t count;
	uint32_t traits; // of any
	uint64_t expires_ns; // the earliest; UINT64_MAX: none
};

union pp_rule_child {
	struct pp_rule_node *node;
	struct pp_rule_item *item;
};

struct pp_rule_node {
	uint32_t refs;
	uint16_t height; // 0: its children are items
	uint16_t count;
	struct pp_rule_mark mark[PP_RULE_TREE_FAN];
	union pp_rule_child child[PP_RULE_TREE_FAN];
};

enum pp_rule_tree_key {
	PP_RULE_TREE_RANK,
	PP_RULE_TREE_ID,
};

struct pp_rule_tree {
	struct pp_rule_node *root; // NULL: there are no rules
	enum pp_rule_tree_key key;
};

// Nodes for changes to come: with them in hand a change cannot fail half-way.
struct pp_rule_pool {
	struct pp_rule_node *first; // linked by child[0]
	uint32_t count;
};

// @return  0; -ENOMEM.
int pp_rule_pool_reserve(struct pp_rule_pool *pool, uint32_t count);
void pp_rule_pool_fini(struct pp_rule_pool *pool);

// Make an item of one reference; rank, id and slot are the caller's to set before it is shared.
//
// @return  NULL: no memory.
struct pp_rule_item *pp_rule_item_create(const struct pp_ruleset_entry *entry);
void pp_rule_item_unref(struct pp_rule_item *item);

struct pp_rule_mark pp_rule_mark_of_item(const struct pp_rule_tree *tree,
					 const struct pp_rule_item *item);
struct pp_rule_mark pp_rule_mark_of_node(const struct pp_rule_node *node);
// The child that holds a place, which becomes a place in it. The place behind the last is in the
// last child.
uint32_t pp_rule_node_child_at(const struct pp_rule_node *node, uint32_t *index);

// Share a tree's nodes with a copy.
struct pp_rule_tree pp_rule_tree_copy(const struct pp_rule_tree *tree);
void pp_rule_tree_fini(struct pp_rule_tree *tree);

// Make a tree of count items in order, which get a reference each.
//
// @param tree  Empty; key is set.
// @return      0; -ENOMEM, and the tree is empty.
int pp_rule_tree_build(struct pp_rule_tree *tree, struct pp_rule_item *const *item, uint32_t count);

uint32_t pp_rule_tree_count(const struct pp_rule_tree *tree);
// @return  NULL: there are not so many.
struct pp_rule_item *pp_rule_tree_at(const struct pp_rule_tree *tree, uint32_t index);
// How many have a smaller key: the place of one with this key.
uint32_t pp_rule_tree_lower(const struct pp_rule_tree *tree, uint32_t key);
// By rank only: how many have this prio or a smaller one.
uint32_t pp_rule_tree_behind_prio(const struct pp_rule_tree *tree, uint32_t prio);
// The first place from index on of an item with one of these traits; the count: there is none.
uint32_t pp_rule_tree_next_with(const struct pp_rule_tree *tree, uint32_t index, uint32_t traits);
// The first place of an item that expires by now_ns; the count: there is none.
uint32_t pp_rule_tree_expired(const struct pp_rule_tree *tree, uint64_t now_ns);
// @return  UINT64_MAX: nothing expires.
uint64_t pp_rule_tree_next_expiry(const struct pp_rule_tree *tree);

// Nodes that one of the changes below takes from the pool, at most.
uint32_t pp_rule_tree_needs(const struct pp_rule_tree *tree);

// Put an item at a place. Takes over the caller's reference.
void pp_rule_tree_insert(struct pp_rule_tree *tree,
			 struct pp_rule_pool *pool,
			 uint32_t index,
			 struct pp_rule_item *item);
// Take the item at a place out.
//
// @return  The tree's reference to it.
struct pp_rule_item *
pp_rule_tree_remove(struct pp_rule_tree *tree, struct pp_rule_pool *pool, uint32_t index);
// Exchange the item at a place; keys may be out of order until all that move have moved.
void pp_rule_tree_set(struct pp_rule_tree *tree,
		      struct pp_rule_pool *pool,
		      uint32_t index,
		      struct pp_rule_item *item);

// Going through a tree: at[h] is the place in node[h], of height h; levels 0: at the end.

void pp_rule_walk_begin(struct pp_ruleset_cursor *walk,
			const struct pp_rule_tree *tree,
			uint32_t index);
// @return  NULL: at the end.
struct pp_rule_item *pp_rule_walk_item(const struct pp_ruleset_cursor *walk);
void pp_rule_walk_next(struct pp_ruleset_cursor *walk);
// Go to what follows node[height].
void pp_rule_walk_leave(struct pp_ruleset_cursor *walk, uint32_t height);
