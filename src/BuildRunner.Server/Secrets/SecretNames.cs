using System.Text.Json;
using BuildRunner.Core.Planning;

namespace BuildRunner.Server.Secrets;

/// <summary>The secrets that a step names.</summary>
internal static class SecretNames
{
    private const string Key = "from_secret";

    /// <summary>Their names, each once.</summary>
    public static IReadOnlyCollection<string> Of(StepPlan step)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        if (step.WithoutSecrets)
        {
            return names;
        }

        foreach (var value in step.Environment.Values)
        {
            switch (value)
            {
                case PlanValue.Secret(var name):
                    names.Add(name);
                    break;
                case PlanValue.Json(var text):
                    using (var document = JsonDocument.Parse(text))
                    {
                        Collect(document.RootElement, names);
                    }

                    break;
            }
        }

        return names;
    }

    private static void Collect(JsonElement element, SortedSet<string> names)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
            {
                Collect(item, names);
            }
        }
        else if (element.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in element.EnumerateObject())
            {
                if (property.NameEquals(Key) && property.Value.ValueKind == JsonValueKind.String)
                {
                    names.Add(property.Value.GetString()!);
                }
                else
                {
                    Collect(property.Value, names);
                }
            }
        }
    }
}
