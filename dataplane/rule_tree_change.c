// SPDX-License-Identifier: MIT OR Apache-2.0
// Changes of a tree of rules. They cannot fail: nodes come from a pool that was filled before.
#include "rule_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAN PP_RULE_TREE_FAN
// Below this a node shares with its neighbour, or the two become one if that leaves it room. The
// last node of each height may have fewer: what comes at the end begins a new one.
#define FEW 8u
#define ROOMY 24u

int pp_rule_pool_reserve(struct pp_rule_pool *pool, uint32_t count)
{
	while (pool->count < count) {
		struct pp_rule_node *node = malloc(sizeof(*node));

		if (node == NULL)
			return -ENOMEM;
		node->child[0].node = pool->first;
		pool->first = node;
		pool->count++;
	}
	return 0;
}

void pp_rule_pool_fini(struct pp_rule_pool *pool)
{
	while (pool->first != NULL) {
		struct pp_rule_node *node = pool->first;

		pool->first = node->child[0].node;
		free(node);
	}
	pool->count = 0;
}

static struct pp_rule_node *take_node(struct pp_rule_pool *pool, uint16_t height)
{
	struct pp_rule_node *node = pool->first;

	pool->first = node->child[0].node;
	pool->count--;
	node->refs = 1;
	node->height = height;
	node->count = 0;
	return node;
}

static void give_node(struct pp_rule_pool *pool, struct pp_rule_node *node)
{
	node->child[0].node = pool->first;
	pool->first = node;
	pool->count++;
}

// A node that nobody else has, in the place of one that others may have.
static struct pp_rule_node *own(struct pp_rule_pool *pool, struct pp_rule_node **at)
{
	struct pp_rule_node *shared = *at, *node;

	if (shared->refs == 1)
		return shared;
	node = take_node(pool, shared->height);
	node->count = shared->count;
	memcpy(node->mark, shared->mark, shared->count * sizeof(node->mark[0]));
	memcpy(node->child, shared->child, shared->count * sizeof(node->child[0]));
	for (uint32_t i = 0; i < node->count; i++) {
		if (node->height > 0)
			node->child[i].node->refs++;
		else
			node->child[i].item->refs++;
	}
	shared->refs--;
	*at = node;
	return node;
}

uint32_t pp_rule_tree_needs(const struct pp_rule_tree *tree)
{
	uint32_t levels = tree->root != NULL ? tree->root->height + 1u : 0;

	// A node and its neighbour, or the two halves of one, on every level; and a new root.
	return 2 * levels + 1;
}

static void move(struct pp_rule_node *to,
		 uint32_t to_at,
		 const struct pp_rule_node *from,
		 uint32_t from_at,
		 uint32_t count)
{
	memmove(&to->mark[to_at], &from->mark[from_at], count * sizeof(to->mark[0]));
	memmove(&to->child[to_at], &from->child[from_at], count * sizeof(to->child[0]));
}

// A node, a place in it, and whether it is the last of its height.
struct place {
	struct pp_rule_node *node;
	uint32_t at;
	bool last;
};

static void put_here(struct pp_rule_node *node,
		     uint32_t at,
		     struct pp_rule_mark mark,
		     union pp_rule_child child)
{
	move(node, at + 1, node, at, node->count - at);
	node->mark[at] = mark;
	node->child[at] = child;
	node->count++;
}

// Put a child in.
//
// @return  The node that got the greater half of a full one; NULL: there was room.
static struct pp_rule_node *put(struct pp_rule_pool *pool,
				const struct place *to,
				struct pp_rule_mark mark,
				union pp_rule_child child)
{
	struct pp_rule_node *node = to->node, *right;
	uint32_t keep;

	if (node->count < FAN) {
		put_here(node, to->at, mark, child);
		return NULL;
	}
	// What comes in order leaves full nodes behind.
	keep = to->last && to->at == FAN ? FAN : FAN / 2;
	right = take_node(pool, node->height);
	move(right, 0, node, keep, FAN - keep);
	right->count = (uint16_t)(FAN - keep);
	node->count = (uint16_t)keep;
	if (to->at < keep)
		put_here(node, to->at, mark, child);
	else
		put_here(right, to->at - keep, mark, child);
	return right;
}

static struct pp_rule_node *insert(const struct pp_rule_tree *tree,
				   struct pp_rule_pool *pool,
				   struct pp_rule_node **at,
				   uint32_t index,
				   bool last,
				   struct pp_rule_item *item)
{
	struct place to = {.node = own(pool, at), .at = index, .last = last};
	struct pp_rule_node *right;

	if (to.node->height == 0)
		return put(pool, &to, pp_rule_mark_of_item(tree, item),
			   (union pp_rule_child){.item = item});
	to.at = pp_rule_node_child_at(to.node, &index);
	right = insert(tree, pool, &to.node->child[to.at].node, index,
		       last && to.at + 1 == to.node->count, item);
	to.node->mark[to.at] = pp_rule_mark_of_node(to.node->child[to.at].node);
	if (right == NULL)
		return NULL;
	to.at++;
	return put(pool, &to, pp_rule_mark_of_node(right), (union pp_rule_child){.node = right});
}

void pp_rule_tree_insert(struct pp_rule_tree *tree,
			 struct pp_rule_pool *pool,
			 uint32_t index,
			 struct pp_rule_item *item)
{
	struct pp_rule_node *right, *root;

	if (tree->root == NULL)
		tree->root = take_node(pool, 0);
	right = insert(tree, pool, &tree->root, index, true, item);
	if (right == NULL)
		return;
	root = take_node(pool, tree->root->height + 1);
	put_here(root, 0, pp_rule_mark_of_node(tree->root),
		 (union pp_rule_child){.node = tree->root});
	put_here(root, 1, pp_rule_mark_of_node(right), (union pp_rule_child){.node = right});
	tree->root = root;
}

static void cut(struct pp_rule_node *node, uint32_t at)
{
	node->count--;
	move(node, at, node, at + 1, node->count - at);
}

// Make one of two children, or let them have as many each.
static void share(struct pp_rule_pool *pool, struct pp_rule_node *node, uint32_t at)
{
	struct pp_rule_node *left = own(pool, &node->child[at].node);
	struct pp_rule_node *right = own(pool, &node->child[at + 1].node);
	uint32_t total = left->count + right->count, half = total / 2;

	if (total <= ROOMY) {
		move(left, left->count, right, 0, right->count);
		right->count = 0;
	} else if (left->count < half) {
		uint32_t moved = half - left->count;

		move(left, left->count, right, 0, moved);
		move(right, 0, right, moved, right->count - moved);
		right->count = (uint16_t)(right->count - moved);
	} else {
		uint32_t moved = left->count - half;

		move(right, moved, right, 0, right->count);
		move(right, 0, left, half, moved);
		right->count = (uint16_t)(right->count + moved);
	}
	left->count = (uint16_t)(total - right->count);
	node->mark[at] = pp_rule_mark_of_node(left);
	node->mark[at + 1] = pp_rule_mark_of_node(right);
	if (right->count == 0) {
		cut(node, at + 1);
		give_node(pool, right);
	}
}

static struct pp_rule_item *
take(struct pp_rule_pool *pool, struct pp_rule_node **at, uint32_t index)
{
	struct pp_rule_node *node = own(pool, at), *child;
	struct pp_rule_item *item;
	uint32_t i;

	if (node->height == 0) {
		item = node->child[index].item;
		cut(node, index);
		return item;
	}
	i = pp_rule_node_child_at(node, &index);
	item = take(pool, &node->child[i].node, index);
	child = node->child[i].node;
	node->mark[i] = pp_rule_mark_of_node(child);
	if (child->count == 0) {
		cut(node, i);
		give_node(pool, child);
	} else if (child->count < FEW && node->count > 1) {
		share(pool, node, i > 0 ? i - 1 : i);
	}
	return item;
}

struct pp_rule_item *
pp_rule_tree_remove(struct pp_rule_tree *tree, struct pp_rule_pool *pool, uint32_t index)
{
	struct pp_rule_item *item = take(pool, &tree->root, index);
	struct pp_rule_node *root = tree->root;

	while (root != NULL && (root->count == 0 || (root->count == 1 && root->height > 0))) {
		tree->root = root->count > 0 ? root->child[0].node : NULL;
		give_node(pool, root);
		root = tree->root != NULL && tree->root->refs == 1 ? tree->root : NULL;
	}
	return item;
}

static void set(const struct pp_rule_tree *tree,
		struct pp_rule_pool *pool,
		struct pp_rule_node **at,
		uint32_t index,
		struct pp_rule_item *item)
{
	struct pp_rule_node *node = own(pool, at);
	uint32_t i;

	if (node->height == 0) {
		pp_rule_item_unref(node->child[index].item);
		node->child[index].item = item;
		node->mark[index] = pp_rule_mark_of_item(tree, item);
		return;
	}
	i = pp_rule_node_child_at(node, &index);
	set(tree, pool, &node->child[i].node, index, item);
	node->mark[i] = pp_rule_mark_of_node(node->child[i].node);
}

void pp_rule_tree_set(struct pp_rule_tree *tree,
		      struct pp_rule_pool *pool,
		      uint32_t index,
		      struct pp_rule_item *item)
{
	set(tree, pool, &tree->root, index, item);
}
