using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace BuildRunner.Core.Planning;

/// <summary>Variables of one step over those that all steps of a workflow share, so that a run of many steps does not hold the shared ones many times. Immutable.</summary>
/// <param name="shared">What all have.</param>
/// <param name="own">The step's own, which win.</param>
internal sealed class LayeredEnvironment(IReadOnlyDictionary<string, PlanValue> shared, IReadOnlyDictionary<string, PlanValue> own) : IReadOnlyDictionary<string, PlanValue>
{
    /// <inheritdoc/>
    public int Count => own.Count + shared.Keys.Count(name => !own.ContainsKey(name));

    /// <inheritdoc/>
    public IEnumerable<string> Keys => this.Select(pair => pair.Key);

    /// <inheritdoc/>
    public IEnumerable<PlanValue> Values => this.Select(pair => pair.Value);

    /// <inheritdoc/>
    public PlanValue this[string key] => own.TryGetValue(key, out var value) ? value : shared[key];

    /// <inheritdoc/>
    public bool ContainsKey(string key) => own.ContainsKey(key) || shared.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out PlanValue value) => own.TryGetValue(key, out value) || shared.TryGetValue(key, out value);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, PlanValue>> GetEnumerator() => shared.Where(pair => !own.ContainsKey(pair.Key)).Concat(own).GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
