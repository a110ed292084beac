namespace BuildRunner.Cli.Planning;

/// <summary>Something that waits for others.</summary>
/// <param name="Name">Unique.</param>
/// <param name="Remark">Stands behind the name; may be empty.</param>
/// <param name="DependsOn">Names of what it waits for; those that are not drawn are passed over.</param>
internal sealed record GraphNode(string Name, string Remark, IReadOnlyList<string> DependsOn);

/// <summary>A node and what hangs behind it.</summary>
/// <param name="Text">The name, and in parentheses what there is to say.</param>
/// <param name="Children">In the order in which they were given.</param>
internal sealed record GraphTree(string Text, List<GraphTree> Children)
{
    /// <summary>Makes trees of a graph without circles: each node hangs behind the one that it waits for longest.</summary>
    public static IReadOnlyList<GraphTree> Of(IReadOnlyList<GraphNode> nodes)
    {
        var known = nodes.ToDictionary(n => n.Name, StringComparer.Ordinal);
        var place = nodes.Select((n, i) => (n.Name, i)).ToDictionary(p => p.Name, p => p.i, StringComparer.Ordinal);
        var before = new Dictionary<string, HashSet<string>>(StringComparer.Ordinal);
        var depth = new Dictionary<string, int>(StringComparer.Ordinal);
        var trees = new Dictionary<string, GraphTree>(StringComparer.Ordinal);
        var roots = new List<GraphTree>();

        // Whoever waits for more comes later, so that what a node waits for is there before it.
        foreach (var node in nodes.OrderBy(n => Before(n, known, before).Count))
        {
            var all = node.DependsOn.Where(known.ContainsKey).Distinct().ToList();
            depth[node.Name] = 1 + all.Select(d => depth[d]).DefaultIfEmpty().Max();

            // What something else that it waits for waits for goes without saying.
            var direct = all.Where(d => !all.Exists(e => e != d && before[e].Contains(d))).ToList();
            var parent = direct.MaxBy(d => (depth[d], place[d]));
            var also = direct.Where(d => d != parent).ToList();
            var notes = new[] { node.Remark, also.Count == 0 ? "" : $"also after {string.Join(", ", also)}" }.Where(t => t.Length > 0).ToList();
            var tree = new GraphTree(notes.Count == 0 ? node.Name : $"{node.Name} ({string.Join("; ", notes)})", []);
            trees.Add(node.Name, tree);
            (parent is null ? roots : trees[parent].Children).Add(tree);
        }

        return roots;
    }

    private static HashSet<string> Before(GraphNode node, Dictionary<string, GraphNode> known, Dictionary<string, HashSet<string>> before)
    {
        if (!before.TryGetValue(node.Name, out var all))
        {
            before[node.Name] = all = new HashSet<string>(StringComparer.Ordinal);
            foreach (var name in node.DependsOn.Where(known.ContainsKey))
            {
                all.Add(name);
                all.UnionWith(Before(known[name], known, before));
            }
        }

        return all;
    }
}
