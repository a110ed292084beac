using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace BuildRunner.Containers.Storage.Archives;

/// <summary>Writes configurations of which members are kept that this program does not know.</summary>
[JsonSerializable(typeof(JsonObject))]
internal sealed partial class ImageNodes : JsonSerializerContext;
